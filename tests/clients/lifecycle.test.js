// Sensors that start, end, are killed, and run beside one another.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cleanup } from './support/cleanup.js';
import { api, code, count, health, insecure, open, processEvents, statusReader, subscribe, syscallEnter } from './support/client.js';
import { flood, flooded } from './support/load.js';
import { load, ringside } from './support/paths.js';
import { start, until } from './support/process.js';
import { startSensor, temporaryFolder } from './support/sensor.js';
import { test } from './support/test.js';
import { addUprobe, probes, probesOf } from './support/tracefs.js';

const everything = { process_events: processEvents, syscall_events: [syscallEnter(flooded)] };

async function assertWorks(t, sensor) {
	const stream = await subscribe(t, sensor.address, everything);

	await flood(t, 3);
	await until(() => stream.events.filter(({ syscall }) => syscall).length >= 3, 'three calls');
	await stream.find(({ process }) => process?.exec_filename === load('syscall_flood'), 'exec');
	await stream.cancel();
}

test('the socket is for the owner and the group only, and goes with the sensor', async (t) => {
	const sensor = await startSensor(t);

	assert.equal(statSync(sensor.socket).mode & 0o7777, 0o660);
	await sensor.stop();
	assert.ok(!existsSync(sensor.socket));
});

test('after kill -9 a new sensor works at the same address and leaves nothing stale', async (t) => {
	const socket = path.join(temporaryFolder(t), 'sensor.sock');
	const killed = await startSensor(t, [], { socket });
	const stream = await subscribe(t, killed.address, everything);

	await killed.kill();
	assert.equal((await stream.ended).code, code.UNAVAILABLE);
	assert.ok(existsSync(socket));
	const next = await startSensor(t, [], { socket });

	assert.deepEqual(probesOf(killed.pid), []);
	await assertWorks(t, next);
	await next.stop();
	assert.deepEqual(probesOf(next.pid), []);
});

test('foreign probes are not touched, whoever is killed', async (t) => {
	const foreign = `p:foreign_${process.pid}/entry /bin/true:0x1000`;
	const still = () => probes().filter((line) => line.includes(`foreign_${process.pid}/entry`)).length;
	const killed = await startSensor(t);

	addUprobe(foreign);
	cleanup(t, () => addUprobe(`-:foreign_${process.pid}/entry`));
	assert.equal(still(), 1);
	await killed.kill();
	const next = await startSensor(t);
	assert.equal(still(), 1);
	await next.stop();
	assert.equal(still(), 1);
});

test('two sensors work side by side, and one leaves the other alone', async (t) => {
	const first = await startSensor(t);
	const second = await startSensor(t);
	const of = (sensor) => probesOf(sensor.pid).length;
	const before = of(second);
	const counters = [];

	for (const sensor of [first, second])
		counters.push(await count(t, sensor.address, { syscall_events: [syscallEnter(flooded)] }));
	await flood(t, 1000);
	for (const counter of counters) {
		await counter.settled(1000);
		assert.equal(counter.delivered, 1000);
	}
	await first.stop();
	assert.equal(of(second), before);
	await flood(t, 1000);
	await counters[1].settled(2000);
	assert.equal(counters[1].delivered, 2000);
	await assertWorks(t, second);
});

test('processes have the same ids whichever sensor tells, also after a restart', async (t) => {
	const sleeper = start(t, '/bin/sh', ['-c', 'while read -r line; do /bin/true; done'], { stdio: ['pipe', 'ignore', 'ignore'] });
	const idFrom = async (sensor) => {
		const stream = await subscribe(t, sensor.address, { process_events: processEvents });

		sleeper.stdin.write('go\n');
		const fork = await stream.find(({ process_pid: pid, process }) => pid === sleeper.pid && process?.fork_child_pid, 'fork');
		await stream.cancel();
		return fork.process_id;
	};
	const first = await startSensor(t);
	const ids = [await idFrom(first)];

	ids.push(await idFrom(await startSensor(t)));
	await first.kill();
	ids.push(await idFrom(await startSensor(t)));
	assert.notEqual(ids[0], '');
	assert.deepEqual(ids, [ids[0], ids[0], ids[0]]);
});

test('a sensor that is told to end ends its streams with UNAVAILABLE', async (t) => {
	const sensor = await startSensor(t);
	const streams = [await subscribe(t, sensor.address, everything), await subscribe(t, sensor.address, { ticker_events: [{ interval: '1000000' }] })];

	await sensor.stop();
	for (const stream of streams) {
		const { code: ending, details } = await stream.ended;
		assert.equal(ending, code.UNAVAILABLE, details);
	}
});

test('health is SERVING, and NOT_FOUND for a service that is not there', async (t) => {
	const sensor = await startSensor(t);

	assert.equal((await health(t, sensor.address)).status, 'SERVING');
	assert.equal((await health(t, sensor.address, 'capsule8.api.v0.TelemetryService')).status, 'SERVING');
	await assert.rejects(health(t, sensor.address, 'no.such.Service'), { code: code.NOT_FOUND });
});

test('a method that is not there is UNIMPLEMENTED', async (t) => {
	const sensor = await startSensor(t);
	const client = new api.capsule8.api.v0.PubsubService(sensor.address, insecure());

	cleanup(t, () => client.close());
	// The contract has it, a sensor does not serve it.
	const error = await new Promise((resolve) => client.Publish({}, resolve));
	assert.equal(error.code, code.UNIMPLEMENTED);
});

test('a second sensor at the same address says so and leaves the first alone', async (t) => {
	const sensor = await startSensor(t);
	const second = start(t, ringside, ['sensor', '--listen', `unix:${sensor.socket}`]);
	const { code: status, err } = await second.done;

	assert.notEqual(status, 0);
	assert.match(err, new RegExp(sensor.socket));
	assert.equal((await health(t, sensor.address)).status, 'SERVING');
});

test('a file in the place of the socket is not overwritten', async (t) => {
	const file = path.join(temporaryFolder(t), 'file');

	writeFileSync(file, 'precious');
	const { code: status, err } = await start(t, ringside, ['sensor', '--listen', `unix:${file}`]).done;
	assert.notEqual(status, 0);
	assert.match(err, /file/);
	assert.equal(readFileSync(file, 'utf8'), 'precious');
});

test('a TCP address that is not loopback is refused', async (t) => {
	const { code: status, err } = await start(t, ringside, ['sensor', '--listen', '0.0.0.0:0']).done;

	assert.notEqual(status, 0);
	assert.match(err, /loopback/);
});

test('streams that are still opening when the sensor ends do not keep it', async (t) => {
	const sensor = await startSensor(t);
	const streams = Array.from({ length: 20 }, () => open(t, sensor.address, { event_filter: everything }));

	await sensor.stop();
	for (const stream of streams)
		assert.notEqual((await stream.ended).code, code.OK);
});

test('no descriptor and no subscriber stays behind when clients come and go', async (t) => {
	const sensor = await startSensor(t);
	const status = statusReader(t, sensor.address);
	const once = async () => {
		const stream = await subscribe(t, sensor.address, everything);
		await stream.cancel();
		stream.call.cancel();
	};
	const descriptors = async () => {
		await until(async () => (await status()).subscribers.length === 0, 'no subscriber');
		return (await status()).rings.descriptors;
	};

	await once();
	const before = await descriptors();
	for (let i = 0; i < 15; i++)
		await once();
	assert.equal(await descriptors(), before);
});
