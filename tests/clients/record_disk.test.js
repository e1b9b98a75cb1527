// A disk in trouble: live streams do not notice, the recorder does what it can, says so, and goes on when the trouble is over.
import assert from 'node:assert/strict';
import { closeSync, openSync, rmSync, writeFileSync, writeSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { cleanup } from './support/cleanup.js';
import { open, statusReader, subscribe, syscallEnter } from './support/client.js';
import { flood, flooded } from './support/load.js';
import { load, sanitized } from './support/paths.js';
import { run, sleep, until } from './support/process.js';
import { startSensor, temporaryFolder } from './support/sensor.js';
import { test } from './support/test.js';

const second = 1000000000n;
const calls = { syscall_events: [syscallEnter(flooded)] };
const isCall = (event) => event.event !== 'lost';
const things = (stream) => stream.events.filter(isCall);
const recorder = async (t, sensor) => (await statusReader(t, sensor.address)()).recorder;
const query = ['--record-query', `syscall:${flooded}:enter`, '--record-flush', '100ms'];

// How long the last `count` events took from the kernel to here, in ms, 99 of 100 of them at most.
function watchLatency(stream) {
	const latencies = [];

	stream.call.on('data', (response) => {
		const now = process.hrtime.bigint();

		for (const { event } of response.events)
			if (event.event === 'syscall')
				latencies.push(Number(now - BigInt(event.sensor_monotime_nanos)) / 1e6);
	});
	return (from) => latencies.slice(from).sort((a, b) => a - b)[Math.floor((latencies.length - from) * 0.99)];
}

// Twice as long, or what a busy machine does by itself.
function assertUnaffected(before, during) {
	assert.ok(during <= Math.max(2 * before, before + (sanitized ? 100 : 25)), `99 % came within ${before} ms before, within ${during} ms during it`);
}

async function past(t, sensor) {
	const stream = open(t, sensor.address, { event_filter: calls, since_duration: { value: String(3600n * second) } });

	await stream.started;
	return stream;
}

// The sanitizer wants to be the first library of a program, and its own delays are longer than those that are asked for.
const skip = sanitized && 'with a sanitizer no library can be preloaded';

test('an fsync that takes 5 s delays nobody but the recorder', { skip }, async (t) => {
	const folder = temporaryFolder(t);
	const slow = path.join(folder, 'slow');
	const sensor = await startSensor(t, ['--record', path.join(folder, 'recording'), ...query], {
		under: ['env', `LD_PRELOAD=${load('slow_sync.so')}`, `SLOW_SYNC=${slow}`],
	});
	const live = await subscribe(t, sensor.address, calls);
	const p99 = watchLatency(live);

	await flood(t, 2000, { spacingNs: 1000000 });
	const before = p99(0);
	writeFileSync(slow, '');
	await flood(t, 5500, { spacingNs: 1000000 });
	const during = p99(2000);
	rmSync(slow);
	t.diagnostic(`99 % came within ${before.toFixed(2)} ms before, within ${during.toFixed(2)} ms during it`);
	await flood(t, 500, { spacingNs: 1000000 });
	await until(async () => Number((await recorder(t, sensor)).events) === 8000, () => 'all is written', 20000);
	await live.settled(8000, isCall);
	assert.equal(live.lost, 0);
	assert.equal(things(live).length, 8000);
	assertUnaffected(before, during);
	const replayed = await past(t, sensor);
	await until(() => things(replayed).length === 8000, () => `${things(replayed).length} of 8000`);
	assert.deepEqual(things(replayed).map((event) => event.id), things(live).map((event) => event.id));
});

test('a full disk costs the recorder what memory has no room for, which is told, and it goes on when there is room', async (t) => {
	const folder = path.join(temporaryFolder(t), 'disk');

	mkdirSync(folder);
	await run(t, 'mount', ['-t', 'tmpfs', '-o', 'size=16m', 'none', folder]);
	cleanup(t, () => run(t, 'umount', ['-l', folder]));
	const sensor = await startSensor(t, ['--record', path.join(folder, 'recording'), ...query, '--record-memory', '1MiB', '--record-level', '0']);
	const live = await subscribe(t, sensor.address, calls);
	const p99 = watchLatency(live);

	await flood(t, 1500, { spacingNs: 1000000 });
	const before = p99(0);
	const brim = openSync(path.join(folder, 'brim'), 'w');
	assert.throws(() => {
		for (;;)
			writeSync(brim, Buffer.alloc(4096));
	}, /ENOSPC/);
	closeSync(brim);
	await flood(t, 12000, { spacingNs: 300000 });
	const during = p99(1500);
	const full = await recorder(t, sensor);
	assert.equal(full.failing, true);
	assert.match(full.failure, /No space left on device/);
	rmSync(path.join(folder, 'brim'));
	await until(async () => !(await recorder(t, sensor)).failing, () => 'it writes again');
	await flood(t, 100, { spacingNs: 1000000 });
	await live.settled(13600, isCall);
	assert.equal(live.lost, 0);
	assert.equal(things(live).length, 13600);
	t.diagnostic(`99 % came within ${before.toFixed(2)} ms before, within ${during.toFixed(2)} ms during it`);
	assertUnaffected(before, during);
	const replayed = await past(t, sensor);
	const last = things(live).at(-1).id;
	await until(() => things(replayed).at(-1)?.id === last, () => 'the end is there');
	const lost = replayed.events.filter((event) => event.lost?.gap === 'RECORD_GAP_OVERFLOW').map((event) => Number(event.lost.lost));
	assert.ok(lost.length, 'the gap is told');
	assert.equal(things(replayed).length + lost.reduce((sum, count) => sum + count, 0), 13600);
});
