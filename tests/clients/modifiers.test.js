// Limits, throttles and windows of a subscription, on the real sensor.
import assert from 'node:assert/strict';
import { code, open, statusReader, subscribe, syscallEnter } from './support/client.js';
import { flood, flooded, steadyFlood } from './support/load.js';
import { ringside } from './support/paths.js';
import { run, sleep, until } from './support/process.js';
import { cpuNs, startSensor } from './support/sensor.js';
import { test } from './support/test.js';

const second = 1000000000n;
const calls = { syscall_events: [syscallEnter(flooded)] };
const duration = (ns) => ({ value: String(ns) });
const throttle = (interval, unit = 'MILLISECOND') => ({ throttle: { interval: String(interval), interval_type: unit } });
const limit = (events) => ({ limit: { limit: String(events) } });
const time = (event) => BigInt(event.sensor_monotime_nanos);
const number = (event) => Number(event.syscall.arg1);
const now = () => process.hrtime.bigint();

// How fast a busy machine is, is not what is asked here.
const patient = ['--ring-memory', '256MiB', '--queue-memory', '512MiB'];

// 20,000 calls a second, which a client in JavaScript can take one by one.
const slowly = { spacingNs: 50000 };

// Between any two events lies at least `ms`.
function assertSpaced(events, ms) {
	for (let i = 1; i < events.length; i++)
		assert.ok(time(events[i]) - time(events[i - 1]) >= BigInt(ms) * 1000000n, `event ${i}`);
}

// In each whole second from the first event on there are 10, give or take one. What the sensor makes itself it makes with the clock of its
// rounds, a few ms late each time.
function assertTenPerSecond(events, seconds, least = 9) {
	for (let s = 0n; s < seconds; s++) {
		const from = time(events[0]) + s * second;
		const count = events.filter((event) => time(event) >= from && time(event) < from + second).length;

		assert.ok(count >= least && count <= 11, `${count} events in second ${s}`);
	}
}

async function endsWell(stream) {
	const { code: ending, details } = await stream.ended;

	assert.equal(ending, code.OK, details);
	assert.equal(stream.lost, 0);
}

test('a limit of 1000 under a flood gives exactly 1000 events and OK', async (t) => {
	const sensor = await startSensor(t, patient);
	const streams = [];

	for (let i = 0; i < 3; i++)
		streams.push(await subscribe(t, sensor.address, calls, { modifier: limit(1000) }));
	await flood(t, 200000);
	for (const stream of streams) {
		await endsWell(stream);
		assert.deepEqual(
			stream.events.map(number),
			Array.from({ length: 1000 }, (_, i) => i),
		);
	}
});

test('a throttle of 100 ms gives 10 events per second under a flood, and says what it dropped', async (t) => {
	const sensor = await startSensor(t, patient);
	const stream = await subscribe(t, sensor.address, calls, { modifier: throttle(100) });

	await steadyFlood(t, 660000);
	const status = statusReader(t, sensor.address);
	const counters = await until(async () => {
		const [subscriber] = (await status()).subscribers;

		return Number(subscriber.matched) >= 660000 && subscriber;
	}, 'all calls are told of');

	await stream.settled(Number(counters.delivered));
	assertTenPerSecond(stream.events, 3n);
	assertSpaced(stream.events, 100);
	assert.equal(number(stream.events[0]), 0, 'the first event of the interval');
	assert.equal(stream.lost, 0);
	assert.equal(Number(counters.delivered), stream.events.length);
	assert.equal(Number(counters.matched), 660000);
	assert.equal(Number(counters.throttled), 660000 - stream.events.length);
	// What is dropped leaves no gap in the numbers.
	assert.deepEqual(
		stream.events.map((event) => Number(event.sensor_sequence_number)),
		stream.events.map((_, i) => Number(stream.events[0].sensor_sequence_number) + i),
	);
});

test('`ringside status` tells what a throttle dropped', async (t) => {
	const sensor = await startSensor(t, patient);

	await subscribe(t, sensor.address, calls, { modifier: throttle(1, 'HOUR') });
	await flood(t, 1000);
	const status = await until(async () => {
		const { out } = await run(t, ringside, ['status', '--connect', sensor.address]);

		return / 1000 matched/.test(out) && out;
	}, 'all calls are told of');

	assert.match(status, /1000 matched, 1 delivered, 999 throttled, lost 0 in its queue/);
});

test('a limit counts what passes the throttle', async (t) => {
	const sensor = await startSensor(t, patient);
	const stream = await subscribe(t, sensor.address, calls, { modifier: { ...throttle(20), ...limit(30) } });

	await steadyFlood(t, 200000);
	await endsWell(stream);
	assert.equal(stream.events.length, 30);
	assertSpaced(stream.events, 20);
});

test('a chargen under a throttle gives 10 events per second and costs next to nothing', async (t) => {
	const sensor = await startSensor(t, patient);
	const stream = await subscribe(t, sensor.address, { chargen_events: [{ length: '64' }] }, { modifier: throttle(100) });
	const other = await subscribe(t, sensor.address, calls);
	const used = cpuNs(sensor.pid);

	await sleep(3300);
	const busy = (cpuNs(sensor.pid) - used) / 3.3e9;

	assertTenPerSecond(stream.events, 3n, 7);
	assertSpaced(stream.events, 100);
	stream.events.forEach(({ chargen }, i) => assert.equal(Number(chargen.index), 64 * i));
	assert.ok(busy < 0.3, `${(100 * busy).toFixed(1)} % CPU`);
	await flood(t, 100);
	await other.settled(100);
	assert.equal(other.events.length, 100);
});

test('a ticker under a throttle gives a tick per interval', async (t) => {
	const sensor = await startSensor(t, patient);
	const stream = await subscribe(t, sensor.address, { ticker_events: [{ interval: '1000000' }] }, { modifier: throttle(100) });

	await sleep(3300);
	assertTenPerSecond(stream.events, 3n, 7);
	assertSpaced(stream.events, 100);
});

test('a window of a second has exactly the calls that were made in it, and ends with OK', async (t) => {
	const sensor = await startSensor(t, patient);
	const all = await subscribe(t, sensor.address, calls);
	const flooding = flood(t, 50000, slowly);

	await all.find((event) => event.syscall, 'the first call');
	const before = now();
	const stream = await subscribe(t, sensor.address, calls, { for_duration: duration(second) });
	const after = now();

	await endsWell(stream);
	await flooding;
	await all.settled(50000);
	assert.equal(all.lost, 0);
	assert.equal(all.events.length, 50000);
	const first = number(stream.events[0]);
	const behind = first + stream.events.length;

	// No gap, nothing twice, and the calls on both sides are rightly not there.
	stream.events.forEach((event, i) => assert.equal(number(event), first + i));
	assert.ok(first > 0 && behind < 50000);
	assert.ok(time(stream.events[0]) >= before);
	assert.ok(time(all.events[first - 1]) < after);
	assert.ok(time(stream.events.at(-1)) < after + second);
	assert.ok(time(all.events[behind]) >= before + second);
	t.diagnostic(`${stream.events.length} events`);
});

test('a window ends by itself when nothing happens', async (t) => {
	const sensor = await startSensor(t, patient);
	const begin = now();
	const stream = await subscribe(t, sensor.address, calls, { for_duration: duration(second) });

	await endsWell(stream);
	const took = Number((now() - begin) / 1000000n);

	assert.equal(stream.events.length, 0);
	assert.ok(took >= 1000 && took < 3000, `${took} ms`);
	assert.equal((await statusReader(t, sensor.address)()).subscribers.length, 0);
});

test('a window of no time ends behind its first response', async (t) => {
	const sensor = await startSensor(t, patient);
	const stream = open(t, sensor.address, { event_filter: calls, for_duration: duration(0) });

	assert.deepEqual(
		(await stream.started).map(({ code: status }) => status),
		[0],
	);
	await endsWell(stream);
	assert.equal(stream.events.length, 0);
});

test('without history a beginning in the past gets a status, and what happens from now on', async (t) => {
	const sensor = await startSensor(t, patient);
	const stream = open(t, sensor.address, { event_filter: calls, since_duration: duration(3600n * second) });
	const [status, ...others] = await stream.started;

	assert.equal(status.code, code.UNIMPLEMENTED);
	assert.match(status.message, /^subscription\.since_duration: no history is kept by this sensor: .*3600000000000 ns/);
	assert.deepEqual(others, []);
	await flood(t, 3);
	await stream.find((event) => event.syscall?.arg1 === '2', 'the last call');
	assert.equal(stream.events.length, 3);
});

test('a window in the past says that there is no history, and ends with OK', async (t) => {
	const sensor = await startSensor(t, patient);
	const stream = open(t, sensor.address, {
		event_filter: calls,
		since_duration: duration(3600n * second),
		for_duration: duration(600n * second),
	});

	assert.match((await stream.started)[0].message, /no history/);
	await endsWell(stream);
	assert.equal(stream.events.length, 0);
});

test('a window that began in the past ends so long after its beginning', async (t) => {
	const sensor = await startSensor(t, patient);
	const begin = now();
	const stream = open(t, sensor.address, {
		event_filter: calls,
		since_duration: duration(3600n * second),
		for_duration: duration(3601n * second),
	});

	await endsWell(stream);
	const took = Number((now() - begin) / 1000000n);

	assert.ok(took >= 1000 && took < 3000, `${took} ms`);
});

test('a beginning now is no beginning in the past', async (t) => {
	const sensor = await startSensor(t, patient);
	const stream = open(t, sensor.address, { event_filter: calls, since_duration: duration(0) });

	assert.deepEqual(
		(await stream.started).map(({ code: status }) => status),
		[0],
	);
});

test('`ringside watch` takes a throttle and a window', async (t) => {
	const sensor = await startSensor(t, patient);
	const words = ['watch', '--connect', sensor.address, '-o', 'none'];
	const past = await run(t, ringside, [...words, '--for', '1s', '--since', '90m', `syscall:${flooded}:enter`]);

	assert.match(past.err, /warning: subscription\.since_duration: no history/);
	assert.match(past.err, /ringside: 0 events, 0 lost/);
	const flooding = flood(t, 60000, slowly);
	const { err } = await run(t, ringside, [...words, '--throttle', '100ms', '--for', '1s', `syscall:${flooded}:enter`]);

	await flooding;
	const [, events] = /ringside: (\d+) events, 0 lost/.exec(err);
	assert.ok(Number(events) >= 9 && Number(events) <= 11, err);
});
