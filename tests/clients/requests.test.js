// What a sensor refuses, and how it says so; requests that break one rule each are in invalid.test.js.
import assert from 'node:assert/strict';
import { code, open, subscribe, syscallEnter, unsigned, where } from './support/client.js';
import { flood, flooded } from './support/load.js';
import { until } from './support/process.js';
import { startSensor } from './support/sensor.js';
import { test } from './support/test.js';

test('a request that is no request is refused, and the sensor goes on', async (t) => {
	const sensor = await startSensor(t);
	const { makeGenericClientConstructor } = (await import('@grpc/grpc-js')).default;
	const Garbage = makeGenericClientConstructor(
		{
			GetEvents: {
				path: '/capsule8.api.v0.TelemetryService/GetEvents',
				requestStream: false,
				responseStream: true,
				requestSerialize: (bytes) => bytes,
				responseDeserialize: (bytes) => bytes,
			},
		},
		'Garbage',
	);
	const { insecure } = await import('./support/client.js');
	const client = new Garbage(sensor.address, insecure());

	for (const bytes of ['ff', '0affffffff0f', '0a0a', '0a020a7f', '12'.repeat(1000)]) {
		const call = client.GetEvents(Buffer.from(bytes, 'hex'));
		const ending = await new Promise((resolve) => {
			call.on('data', () => {});
			call.on('error', () => {});
			call.on('status', resolve);
		});
		assert.equal(ending.code, code.INVALID_ARGUMENT, `${bytes}: ${ending.details}`);
	}
	client.close();
	const stream = await subscribe(t, sensor.address, { ticker_events: [{ interval: '1000000' }] });
	await stream.find((event) => event.ticker, 'tick');
});

test('a sensor that serves all system calls serves those of an expression and those of none', async (t) => {
	const sensor = await startSensor(t, ['--all-syscalls']);
	const number = await subscribe(t, sensor.address, {
		syscall_events: [{ type: 'SYSCALL_EVENT_TYPE_ENTER', filter_expression: where('arg1', 'EQ', unsigned(3)) }],
	});
	const every = await subscribe(t, sensor.address, { syscall_events: [{ type: 'SYSCALL_EVENT_TYPE_ENTER' }] }, { modifier: { limit: { limit: '2000' } } });
	const mine = (stream) => stream.events.filter(({ syscall }) => syscall?.id === String(flooded));

	await flood(t, 10);
	await until(() => mine(number).length >= 1, 'the call with the number 3');
	assert.equal((await every.ended).code, code.OK);
	assert.equal(mine(number).length, 1);
	assert.ok(new Set(every.events.map(({ syscall }) => syscall.id)).size > 1, 'calls of one kind only');
});

test('a clause that this sensor does not serve gets a status, and the others run', async (t) => {
	const sensor = await startSensor(t);
	const stream = await subscribe(t, sensor.address, {
		syscall_events: [syscallEnter(flooded)],
		kernel_events: [{ type: 1, symbol: 'no_such_function_anywhere' }],
	});
	const statuses = await stream.started;

	assert.equal(statuses.length, 1);
	assert.notEqual(statuses[0].code, 0);
	assert.match(statuses[0].message, /no_such_function_anywhere/);
	await flood(t, 4);
	await until(() => stream.events.length >= 4, 'four calls');
});

test('when no clause can be served the stream says so for each and ends', async (t) => {
	const sensor = await startSensor(t);
	const stream = open(t, sensor.address, {
		event_filter: { kernel_events: ['no_such_function_anywhere', 'nor_this_one'].map((symbol) => ({ type: 1, symbol })) },
	});
	const statuses = await stream.started;

	assert.equal(statuses.length, 2);
	assert.ok(statuses.every(({ code: refusal }) => refusal !== 0));
	assert.equal((await stream.ended).code, code.FAILED_PRECONDITION);
});

test('every step in the life of containers is served, in both views, with conditions and of some containers', async (t) => {
	const sensor = await startSensor(t);
	const stream = await subscribe(
		t,
		sensor.address,
		{
			container_events: [
				...[1, 2, 3, 4, 5].flatMap((type) => [{ type }, { type, view: 'FULL' }]),
				{ type: 'CONTAINER_EVENT_TYPE_EXITED', filter_expression: where('exit_status', 'NE', unsigned(0, 'UINT32')) },
			],
		},
		{ container_filter: { names: ['/web'] } },
	);

	assert.deepEqual(
		(await stream.started).map(({ code: refusal }) => refusal),
		[0],
	);
});

test('a ticker ticks with the time of day', async (t) => {
	const sensor = await startSensor(t);
	const stream = await subscribe(t, sensor.address, { ticker_events: [{ interval: '20000000' }] });

	await until(() => stream.events.length >= 10, 'ten ticks');
	for (const { ticker: tick } of stream.events) {
		assert.ok(Math.abs(Number(BigInt(tick.nanoseconds) / 1000000n) - Date.now()) < 60000);
		assert.equal(BigInt(tick.nanoseconds) / 1000000000n, BigInt(tick.seconds));
	}
	const times = stream.events.slice(0, 10).map(({ sensor_monotime_nanos: time }) => Number(time));
	const average = (times[9] - times[0]) / 9e6;
	assert.ok(average > 15 && average < 200, `${average} ms between ticks`);
});

test('chargen counts on and its characters are where they belong', { timeout: 60000 }, async (t) => {
	const sensor = await startSensor(t);
	const length = 1000;
	const stream = await subscribe(t, sensor.address, { chargen_events: [{ length: String(length) }] }, { modifier: { limit: { limit: '500' } } });
	let index = 0;

	assert.equal((await stream.ended).code, code.OK);
	const made = stream.events.filter(({ chargen: event }) => event);
	assert.ok(made.length > 0);
	for (const { chargen: event } of made) {
		assert.equal(event.index, String(index));
		assert.equal(event.characters.length, length);
		for (let i = 0; i < length; i++)
			assert.equal(event.characters.charCodeAt(i), 0x20 + ((index + i) % 95));
		index += length;
	}
});

test('chargen without end starves nobody', async (t) => {
	const sensor = await startSensor(t);
	const chatter = await subscribe(t, sensor.address, { chargen_events: [{ length: '100' }] });
	const stream = await subscribe(t, sensor.address, { syscall_events: [syscallEnter(flooded)] });

	await flood(t, 100);
	await until(() => stream.events.length >= 100, 'the calls');
	assert.equal(stream.lost, 0);
	assert.ok(chatter.events.length > 0);
	await chatter.cancel();
});
