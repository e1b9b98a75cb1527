// The flight recorder with the real sensor: subscriptions that begin in the past, over the seam to the live stream, and over restarts.
import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { code, open, statusReader, subscribe, syscallEnter, text, where } from './support/client.js';
import { flood, flooded } from './support/load.js';
import { ringside } from './support/paths.js';
import { run, sleep, until } from './support/process.js';
import { startSensor, temporaryFolder } from './support/sensor.js';
import { test } from './support/test.js';

const second = 1000000000n;
const duration = (ns) => ({ value: String(ns) });
const calls = { syscall_events: [syscallEnter(flooded)] };
const callsAnd = (...rest) => ({ syscall_events: [syscallEnter(flooded), ...rest] });
const number = (event) => BigInt(event.sensor_sequence_number);
const argument = (event) => Number(event.syscall.arg1);
const isLost = (event) => event.event === 'lost';
const isThing = (event) => !isLost(event);
const things = (stream) => stream.events.filter(isThing);
const gaps = (stream) => stream.events.filter(isLost).map((event) => event.lost.gap);
const duringFlood = ['--ring-memory', '128MiB', '--queue-memory', '64MiB'];
const recordCalls = ['--record-query', `syscall:${flooded}:enter`];

async function startRecorder(t, query = recordCalls, { folder = path.join(temporaryFolder(t), 'recording'), more = [] } = {}) {
	const sensor = await startSensor(t, [...duringFlood, '--record', folder, '--record-flush', '50ms', ...query, ...more]);

	sensor.folder = folder;
	return sensor;
}

// A subscription that begins `ns` ago, and the statuses of its first response.
async function since(t, sensor, filter, ns, rest = {}) {
	const stream = open(t, sensor.address, { event_filter: filter, since_duration: duration(ns), ...rest });

	stream.statuses = await stream.started;
	return stream;
}

const quiet = (stream, count) => stream.settled(count, isThing);

function assertOrdered(events) {
	for (let i = 1; i < events.length; i++)
		assert.ok(number(events[i]) > number(events[i - 1]), `event ${i}: ${events[i].id} comes behind ${events[i - 1].id}`);
}

test('who comes late gets what happened before, and then what happens, as one who was there all the time', async (t) => {
	const sensor = await startRecorder(t);
	const witness = await subscribe(t, sensor.address, calls);

	await flood(t, 3000, { spacingNs: 20000 });
	const late = await since(t, sensor, calls, 60n * second);
	assert.deepEqual(late.statuses.map((status) => status.code), [code.OK]);
	await flood(t, 2000, { spacingNs: 20000 });
	await Promise.all([quiet(witness, 5000), quiet(late, 5000)]);
	assert.deepEqual(gaps(late), ['RECORD_GAP_NOT_KEPT'], 'the recording is younger than a minute');
	assert.equal(late.events[0].lost.cause, 'LOST_RECORD_CAUSE_RECORDER');
	assert.deepEqual(things(late), witness.events);
	assert.deepEqual(things(late).map(argument), [...Array(3000).keys(), ...Array(2000).keys()]);
});

test('a window that is over has its part of the past and ends', async (t) => {
	const sensor = await startRecorder(t);

	await flood(t, 500);
	await sleep(500);
	const middle = process.hrtime.bigint();
	// By so much the sensor may look at its clock later than we do.
	await sleep(1500);
	await flood(t, 300);
	await sleep(2000);
	const stream = await since(t, sensor, calls, process.hrtime.bigint() - middle, { for_duration: duration(3n * second) });
	const { code: ending } = await stream.ended;

	assert.equal(ending, code.OK);
	assert.equal(things(stream).length, 300);
	assert.deepEqual(gaps(stream), []);
});

test('a window over the seam ends at its time', async (t) => {
	const sensor = await startRecorder(t);

	await flood(t, 500);
	const stream = await since(t, sensor, calls, 10n * second, { for_duration: duration(12n * second) });

	await flood(t, 200);
	const { code: ending } = await stream.ended;
	assert.equal(ending, code.OK);
	assert.equal(things(stream).length, 700);
});

test('limits and throttles count the past', async (t) => {
	const sensor = await startRecorder(t);

	await flood(t, 1000, { spacingNs: 1000000 });
	const limited = await since(t, sensor, calls, 60n * second, { modifier: { limit: { limit: '1500' } } });
	const throttled = await since(t, sensor, calls, 60n * second, {
		modifier: { throttle: { interval: '100', interval_type: 'MILLISECOND' } },
	});

	await flood(t, 1000, { spacingNs: 1000000 });
	const { code: ending } = await limited.ended;
	assert.equal(ending, code.OK);
	assert.deepEqual(things(limited).map(argument), [...Array(1000).keys(), ...Array(500).keys()]);
	await sleep(300);
	const times = things(throttled).map((event) => BigInt(event.sensor_monotime_nanos));
	assert.ok(times.length >= 15 && times.length <= 24, `${times.length} events in about 2 s`);
	for (let i = 1; i < times.length; i++)
		assert.ok(times[i] - times[i - 1] >= 100000000n, `event ${i}`);
});

test('what is not recorded is live only, in its place, and a status says so', async (t) => {
	const sensor = await startRecorder(t);
	const other = 212;

	await flood(t, 400);
	await flood(t, 100, { number: other });
	const stream = await since(t, sensor, callsAnd(syscallEnter(other)), 60n * second);

	assert.deepEqual(stream.statuses.map((status) => status.code), [11]);
	assert.match(stream.statuses[0].message, /^subscription\.since_duration: syscall:enter.* is recorded in part only/);
	await flood(t, 50, { number: other });
	await flood(t, 300);
	await flood(t, 60, { number: other });
	await quiet(stream, 810);
	assertOrdered(things(stream));
	assert.deepEqual(
		things(stream).map((event) => Number(event.syscall.id)),
		[...Array(400).fill(flooded), ...Array(50).fill(other), ...Array(300).fill(flooded), ...Array(60).fill(other)],
	);
});

// A program of the test's own: others run `true`, too.
function program(t, name) {
	const copy = path.join(temporaryFolder(t), name);

	copyFileSync('/bin/true', copy);
	return copy;
}

test('what is recorded in part is sent in part for the past, and whole from then on', async (t) => {
	const recorded = program(t, 'recorded');
	const other = program(t, 'other');
	const sensor = await startRecorder(t, ['--record-query', `process:exec where filename = '${recorded}'`]);

	await run(t, recorded, []);
	await run(t, other, []);
	await sleep(200);
	const filter = { process_events: [{ type: 'PROCESS_EVENT_TYPE_EXEC' }] };
	const stream = await since(t, sensor, filter, 60n * second);

	assert.deepEqual(stream.statuses.map((status) => status.code), [11]);
	assert.match(stream.statuses[0].message, /recorded in part only/);
	await run(t, other, []);
	await stream.find((event) => event.process?.exec_filename === other, 'the other one');
	const names = things(stream).map((event) => event.process.exec_filename).filter((name) => name === recorded || name === other);
	assert.deepEqual(names, [recorded, other]);
});

test('filters see of the past what they see of the present', async (t) => {
	const sensor = await startRecorder(t, ['--record-query', 'process']);
	const mine = program(t, 'ringside-mine');

	await run(t, mine, ['past']);
	const filter = {
		process_events: [
			{ type: 'PROCESS_EVENT_TYPE_EXEC', filter_expression: where('process_comm', 'EQ', text('ringside-mine')) },
			{ type: 'PROCESS_EVENT_TYPE_EXIT', exit_code: { value: 77 << 8 } },
		],
	};
	const stream = await since(t, sensor, filter, 60n * second);

	await run(t, mine, ['present']);
	await stream.find((event) => event.process?.exec_command_line?.[1] === 'present', 'the exec');
	assert.deepEqual(
		things(stream).filter((event) => event.process.type === 'PROCESS_EVENT_TYPE_EXEC').map((event) => event.process.exec_command_line),
		[[mine, 'past'], [mine, 'present']],
	);
});

for (const [how, gap] of [['SIGTERM', 'RECORD_GAP_STOPPED'], ['kill -9', 'RECORD_GAP_CRASHED']])
	test(`after ${how} numbers and the id go on, and the past is told with the gap in it`, async (t) => {
		const first = await startRecorder(t);
		const witness = await subscribe(t, first.address, calls);

		await flood(t, 1000);
		await quiet(witness, 1000);
		await sleep(400);
		await (how === 'SIGTERM' ? first.stop() : first.kill());
		const second_ = await startRecorder(t, recordCalls, { folder: first.folder });
		await flood(t, 500);
		const stream = await since(t, second_, calls, 3600n * second);
		await flood(t, 100);
		await quiet(stream, 1600);
		assert.deepEqual(gaps(stream), ['RECORD_GAP_NOT_KEPT', gap]);
		assert.equal(stream.events.findIndex((event) => event.lost?.gap === gap), 1001);
		assertOrdered(things(stream));
		assert.deepEqual(things(stream).slice(0, 1000), witness.events);
		assert.equal(new Set(things(stream).map((event) => event.sensor_id)).size, 1);
		assert.equal(new Set(things(stream).map((event) => event.id)).size, 1600);
		await stream.cancel();
		await second_.stop();
		const verified = await run(t, ringside, ['record', 'verify', first.folder]);
		assert.match(verified.out, /everything is as it should be/);
		const replayed = await run(t, ringside, ['replay', first.folder, '-o', 'json']);
		const ids = replayed.out.trim().split('\n').map((line) => JSON.parse(line).event).filter((event) => event.syscall).map((event) => event.id);
		assert.deepEqual(ids, things(stream).map((event) => event.id));
	});

test('the status tells of the recorder', async (t) => {
	const sensor = await startRecorder(t);

	await flood(t, 1000);
	await until(async () => {
		const { recorder } = await statusReader(t, sensor.address)();

		return Number(recorder.events) === 1000 && recorder;
	}, () => 'the events are written');
	const { recorder } = await statusReader(t, sensor.address)();
	assert.equal(recorder.directory, sensor.folder);
	assert.match(recorder.query, /^syscall:enter where id = /);
	assert.equal(recorder.failing, false);
	assert.equal(recorder.lost, '0');
	assert.ok(Number(recorder.written_bytes) < Number(recorder.raw_bytes) / 3);
	assert.match((await run(t, ringside, ['status', '--connect', sensor.address])).out, /1000 events written/);
});

test('a directory has one sensor, and nonsense is refused with a reason', async (t) => {
	const sensor = await startRecorder(t);
	const file = path.join(temporaryFolder(t), 'file');
	const socket = `unix:${file}.sock`;
	const refused = async (words, status, message) => {
		const { message: said } = await run(t, ringside, ['sensor', '--listen', socket, ...words]).catch((error) => error);

		assert.match(said, new RegExp(`exit status ${status}\\n`));
		assert.match(said, message);
	};

	writeFileSync(file, '');
	await refused(['--record', sensor.folder], 1, /recording/);
	await refused(['--record', file], 1, /Not a directory|not a directory/);
	await refused(['--record', file, '--record-query', 'process:nothing'], 64, /nothing/);
	await refused(['--record', file, '--record-query', 'ticker:1s'], 64, /--record-query: ticker is made for each subscriber/);
	await refused(['--record', file, '--record-query', 'process; limit 5'], 64, /--record-query: .*limit/);
	await refused(['--record', file, '--record-capacity', '1k'], 64, /--record-capacity: 1k is less than/);
	await refused(['--record-age', '7d'], 64, /--record DIR is needed/);
});
