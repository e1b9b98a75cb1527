// What a sensor refuses, and how it says so.
import assert from 'node:assert/strict';
import { code, open, statusReader, subscribe, syscallEnter } from './support/client.js';
import { flood, flooded } from './support/load.js';
import { until } from './support/process.js';
import { startSensor } from './support/sensor.js';
import { test } from './support/test.js';

const syscalls = (...filters) => ({ event_filter: { syscall_events: filters } });
const processes = (...filters) => ({ event_filter: { process_events: filters } });
const ticker = (interval) => ({ event_filter: { ticker_events: [{ interval }] } });
const chargen = (length) => ({ event_filter: { chargen_events: [{ length }] } });
const inContainers = (container_filter) => ({ ...processes({ type: 1 }), container_filter });
const limited = (limit) => ({ ...ticker('1000000'), modifier: { limit: { limit } } });
const throttled = (interval, unit = 0) => ({ ...ticker('1000000'), modifier: { throttle: { interval, interval_type: unit } } });

// What is asked for, and what the answer has to name.
const invalid = [
	['no subscription', undefined, /subscription/],
	['no event filter', {}, /event_filter/],
	['an event filter without a clause', { event_filter: {} }, /event_filter/],
	['a syscall clause without a type', syscalls({ id: { value: 1 } }), /syscall_events\[0\].*type|type.*syscall_events\[0\]/],
	['a syscall clause with a type that there is not', syscalls({ type: 77, id: { value: 1 } }), /type.*77|77.*type/],
	['a syscall clause without a syscall', syscalls({ type: 1 }), /syscall_events\[0\].*\bid\b/],
	['the second of two clauses', syscalls(syscallEnter(1), { type: 1 }), /syscall_events\[1\].*\bid\b/],
	['arguments of a return', syscalls({ type: 2, id: { value: 1 }, arg0: { value: 1 } }), /arg0/],
	['a result of an entry', syscalls({ type: 1, id: { value: 1 }, ret: { value: 1 } }), /ret/],
	['a process clause without a type', processes({}), /process_events\[0\].*type/],
	['a process clause with a type that there is not', processes({ type: 1234 }), /type.*1234/],
	['a file name for a fork', processes({ type: 1, exec_filename: { value: '/bin/true' } }), /exec_filename/],
	['an exit code for an exec', processes({ type: 2, exit_code: { value: 1 } }), /exit_code/],
	['a ticker without an interval', ticker('0'), /interval.*0/],
	['a ticker that goes backwards', ticker('-5'), /interval.*-5/],
	['a chargen without a length', chargen('0'), /length.*0/],
	['a chargen with too long a length', chargen('65537'), /length.*65537/],
	['a limit of nothing', limited('0'), /limit.*0/],
	['a negative limit', limited('-1'), /limit.*-1/],
	['a throttle of nothing', throttled('0'), /throttle\.interval.*0/],
	['a throttle that goes backwards', throttled('-2', 'SECOND'), /throttle\.interval.*-2/],
	['a throttle that is longer than the clock', throttled('2562048', 'HOUR'), /throttle\.interval.*2562048.*2562047.*HOUR/],
	['a throttle of a unit that there is not', throttled('1', 4), /throttle\.interval_type.*4/],
	['a since in the future', { ...ticker('1000000'), since_duration: { value: '-1' } }, /since_duration.*-1/],
	['an id that is a name', inContainers({ ids: ['cafe', 'web'] }), /subscription\.container_filter\.ids\[1\]: "web"; must be 4 to 64/],
	['an empty name', inContainers({ names: [''] }), /subscription\.container_filter\.names\[0\]: ""; must be/],
	['an image id that is none', inContainers({ image_ids: ['sha256:12'] }), /container_filter\.image_ids\[0\]: "sha256:12"; must be/],
	['a bad pattern', inContainers({ image_names: ['a['] }), /container_filter\.image_names\[0\]: "a\["; character 2: the \[ has no \]/],
	['too many containers', inContainers({ ids: Array(1025).fill('cafe') }), /container_filter\.ids\[1024\].*1024/],
	['counters without any', { event_filter: { performance_events: [{ sample_rate_type: 1, period: '1' }] } }, /performance_events\[0\].*events/],
	['a function without a name', { event_filter: { kernel_events: [{ type: 1 }] } }, /kernel_events\[0\].*symbol/],
	['a negative duration', { ...ticker('1000000'), for_duration: { value: '-7' } }, /for_duration.*-7/],
];

test('an invalid request is refused with the field, its value and what is allowed', async (t) => {
	const sensor = await startSensor(t);

	for (const [name, subscription, named] of invalid) {
		const stream = open(t, sensor.address, subscription);
		const { code: ending, details } = await stream.ended;

		assert.equal(ending, code.INVALID_ARGUMENT, `${name}: ${details}`);
		assert.match(details, named, name);
		assert.equal(stream.events.length, 0);
	}
	assert.equal((await statusReader(t, sensor.address)()).subscribers.length, 0);
});

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

test('a clause that this sensor does not serve gets a status, and the others run', async (t) => {
	const sensor = await startSensor(t);
	const stream = await subscribe(t, sensor.address, {
		syscall_events: [syscallEnter(flooded)],
		container_events: [{ type: 1 }],
	});
	const statuses = await stream.started;

	assert.equal(statuses.length, 1);
	assert.notEqual(statuses[0].code, 0);
	assert.match(statuses[0].message, /container_events\[0\]/);
	await flood(t, 4);
	await until(() => stream.events.length >= 4, 'four calls');
});

test('when no clause can be served the stream says so for each and ends', async (t) => {
	const sensor = await startSensor(t);
	const stream = open(t, sensor.address, {
		event_filter: { kernel_events: [{ type: 1, symbol: 'no_such_function_anywhere' }], container_events: [{ type: 1 }] },
	});
	const statuses = await stream.started;

	assert.equal(statuses.length, 2);
	assert.ok(statuses.every(({ code: refusal }) => refusal !== 0));
	assert.equal((await stream.ended).code, code.FAILED_PRECONDITION);
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
