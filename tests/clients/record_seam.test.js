// What a subscription that begins in the past gets, against what one that was there all the time has got, event by event with all fields: with many
// kinds of filters, while processes come and go, in containers, and of a sensor that was killed in the middle of it.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { code, open, processEvents, statusReader, subscribe, syscallEnter, text, unsigned, where } from './support/client.js';
import { Container, DockerRoot, noCgroups } from './support/containers.js';
import { flood, flooded } from './support/load.js';
import { load, sanitized } from './support/paths.js';
import { run, sleep, until } from './support/process.js';
import { perfDescriptors, startSensor, temporaryFolder } from './support/sensor.js';
import { test } from './support/test.js';

const ms = 1000000n;
const second = 1000n * ms;
const now = () => process.hrtime.bigint(); // the clock of sensor_monotime_nanos
const time = (event) => BigInt(event.sensor_monotime_nanos);
const number = (event) => BigInt(event.sensor_sequence_number);
const isLost = (event) => event.event === 'lost';
const things = (stream) => stream.events.filter((event) => !isLost(event));
const calls = { syscall_events: [syscallEnter(flooded)] };
const execs = { process_events: [{ type: 'PROCESS_EVENT_TYPE_EXEC' }] };
const isExec = (event) => event.process?.type === 'PROCESS_EVENT_TYPE_EXEC';

// The kinds that support/client.js calls processEvents, and calls of the flood.
const recorded = ['process:fork', 'process:exec', 'process:exit', `syscall:${flooded}:enter`];

async function startRecorder(t, queries = recorded, { folder = path.join(temporaryFolder(t), 'recording'), more = [] } = {}) {
	const words = queries.flatMap((query) => ['--record-query', query]);
	const sensor = await startSensor(t, ['--ring-memory', '128MiB', '--queue-memory', '64MiB', '--record', folder, '--record-flush', '50ms', ...words, ...more]);

	return Object.assign(sensor, { folder });
}

// Subscribes to what has happened for `ns` by now. The beginning lies in [.from, .until].
async function since(t, sensor, filter, ns, rest = {}) {
	const before = now();
	const stream = open(t, sensor.address, { event_filter: filter, since_duration: { value: String(ns) }, ...rest });
	const statuses = await stream.started;

	return Object.assign(stream, { statuses, from: before - ns, until: now() - ns });
}

// The stream has exactly those of `all` that it has asked for and that lie behind its beginning, in that order and with the same fields.
async function assertSame(stream, all, takes = () => true) {
	const wanted = all.filter((event) => takes(event) && time(event) >= stream.until);

	await until(
		() => things(stream).length >= wanted.length,
		() => `${things(stream).length} of ${wanted.length} events`,
		30000,
	);
	const got = things(stream).filter((event) => number(event) <= number(all.at(-1)));
	// A few at the beginning may be older: who knows when exactly the sensor looked at its clock.
	const older = got.findIndex((event) => time(event) >= stream.until);

	got.slice(0, older < 0 ? got.length : older).forEach((event) => assert.ok(time(event) >= stream.from, `${event.id} is from before the beginning`));
	const expected = all.filter((event) => takes(event) && number(event) >= number(got[0] ?? all.at(-1)));
	assert.deepEqual(
		got.map(({ id }) => id),
		(got.length ? expected : []).map(({ id }) => id),
	);
	assert.ok(got.length >= wanted.length);
	assert.deepEqual(got, got.length ? expected : []);
	assert.equal(stream.lost, 0);
}

const filters = [
	['everything', { process_events: processEvents, ...calls }, () => true],
	['processes', { process_events: processEvents }, (event) => event.process],
	['execs of one program', { process_events: [{ type: 'PROCESS_EVENT_TYPE_EXEC', filter_expression: where('filename', 'LIKE', text('/proc/self/*')) }] },
		(event) => isExec(event) && event.process.exec_filename.startsWith('/proc/self/')],
	['one exit code', { process_events: [{ type: 'PROCESS_EVENT_TYPE_EXIT', exit_code: { value: 7 << 8 } }] },
		(event) => event.process?.type === 'PROCESS_EVENT_TYPE_EXIT' && event.process.exit_code === 7 << 8],
	['some calls', { syscall_events: [syscallEnter(flooded, { filter_expression: where('arg1', 'LT', unsigned(9000)) })] },
		(event) => event.syscall && Number(event.syscall.arg1) < 9000],
	['forks and calls', { process_events: [{ type: 'PROCESS_EVENT_TYPE_FORK' }], ...calls }, (event) => event.syscall || event.process?.type === 'PROCESS_EVENT_TYPE_FORK'],
];

test('whatever a client asks for and whenever it comes, it gets what a live client got of that, while processes come and go', { timeout: 120000 }, async (t) => {
	const sensor = await startRecorder(t);
	const witness = await subscribe(t, sensor.address, filters[0][1]);
	const processes = sanitized ? 500 : 1500;
	const loads = Promise.all([
		flood(t, 20000, { spacingNs: 300000 }),
		(async () => {
			for (let round = 0; round < 4; round++) {
				await run(t, load('fork_storm'), [String(processes / 4), '8']);
				await sleep(700);
			}
		})(),
	]);
	const streams = [];

	for (let i = 0; i < 12; i++) {
		const [name, filter, takes] = filters[i % filters.length];
		const stream = await since(t, sensor, filter, BigInt(1 + Math.floor(Math.random() * 5000)) * ms);

		assert.deepEqual(stream.statuses.map((status) => status.code), [code.OK], name);
		streams.push({ stream, takes, name });
		if (i === 0) {
			// It reads now and then.
			const timer = setInterval(() => (stream.call.isPaused() ? stream.call.resume() : stream.call.pause()), 300);

			t.after(() => clearInterval(timer));
			stream.reads = () => {
				clearInterval(timer);
				stream.call.resume();
			};
		}
		await sleep(Math.random() * 800);
	}
	await loads;
	await witness.find((event) => event.syscall?.arg1 === '19999', 'the last call', 30000);
	await sleep(300);
	streams[0].stream.reads();
	assert.equal(witness.lost, 0);
	const all = witness.events.slice();

	for (const { stream, takes, name } of streams) {
		t.diagnostic(`${name}: ${things(stream).length} events`);
		await assertSame(stream, all, takes);
	}
});

test('whoever asks for a container gets what happened in it and nothing else, of the past too', { skip: noCgroups }, async (t) => {
	const docker = new DockerRoot(t);
	const web = new Container(t);
	const other = new Container(t);

	docker.write(web.id, { name: '/web', image: 'nginx:1.25', imageId: web.id });
	docker.write(other.id, { name: '/other', image: 'nginx:1.26', imageId: other.id });
	const sensor = await startRecorder(t, ['process:exec'], { more: ['--docker-root', docker.folder] });
	const witness = await subscribe(t, sensor.address, execs);
	const marks = (stream) => things(stream).filter((event) => event.process.exec_filename === '/bin/true').map(({ process: told }) => told.exec_command_line[1]);

	for (const mark of ['past 1', 'past 2']) {
		await web.run('/bin/true', mark);
		await other.run('/bin/true', `other ${mark}`);
		await run(t, '/bin/true', ['of the host']);
	}
	await until(() => marks(witness).length === 6, 'all are told of');
	const streams = [];

	for (const container_filter of [{ ids: [web.id.slice(0, 12)] }, { names: ['web'] }, { image_names: ['nginx:*25'] }])
		streams.push(await since(t, sensor, execs, 60n * second, { container_filter }));
	await web.run('/bin/true', 'present');
	await other.run('/bin/true', 'end');
	await until(() => marks(witness).includes('end'), 'the end is told of');
	await sleep(200);
	for (const stream of streams) {
		assert.deepEqual(marks(stream), ['past 1', 'past 2', 'present']);
		assert.deepEqual(things(stream), witness.events.filter((event) => event.container_id === web.id));
	}
});

test('clients that go away in the middle of the past leave nothing, and a sensor that ends leaves its segments alone', async (t) => {
	const sensor = await startRecorder(t);
	const status = statusReader(t, sensor.address);

	await flood(t, 100000, { spacingNs: 10000 });
	await until(async () => Number((await status()).recorder.events) >= 100000, 'all is written');
	const descriptors = perfDescriptors(sensor.pid);
	const files = () => readdirSync(`/proc/${sensor.pid}/fd`).length;
	const open_ = files();

	for (let i = 0; i < 20; i++) {
		const stream = await since(t, sensor, calls, 60n * second);

		stream.call.pause();
		await sleep(Math.random() * 30);
		await stream.cancel();
		await new Promise((resolve) => setImmediate(resolve));
	}
	await until(async () => (await status()).subscribers.length === 1, 'all but the recorder have gone');
	assert.equal((await status()).recorder.replaying, 0);
	assert.equal(perfDescriptors(sensor.pid), descriptors);
	// Connections of clients are closed when the test is over.
	assert.ok(files() <= open_ + 20, `${files()} files are open, ${open_} were`);
	assert.ok(readdirSync(`/proc/${sensor.pid}/task`).length < 40);
	await sensor.stop();
	assert.deepEqual(readdirSync(sensor.folder).filter((name) => !/^segment-[0-9a-f]{16}\.rec$/.test(name)).sort(), ['lock', 'sensor-id']);
});
