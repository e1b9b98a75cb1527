// Requests that break one rule each (support/invalid_subscriptions.js), at the real sensor.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import { code, open, statusReader, subscribe, syscallEnter } from './support/client.js';
import { invalid, read, written } from './support/invalid_subscriptions.js';
import { flooded } from './support/load.js';
import { sleep } from './support/process.js';
import { perfDescriptors, startSensor } from './support/sensor.js';
import { test } from './support/test.js';
import { instances, probesOf } from './support/tracefs.js';

// The loader's protobufjs refuses to send what the sensor has to refuse.
const require = createRequire(import.meta.url);
createRequire(require.resolve('@grpc/proto-loader'))('protobufjs').util.recursionLimit = 250;

test('the requests in tests/data are those that are made here', () => {
	assert.deepEqual(read(), invalid, 'run: node tests/clients/support/invalid_subscriptions.js');
	assert.equal(JSON.stringify(JSON.parse(written)), JSON.stringify(invalid));
	assert.ok(invalid.length >= 300);
	assert.equal(new Set(invalid.map(({ name }) => name)).size, invalid.length);
});

// What the sensor has in the kernel, and in itself.
async function state(sensor, status) {
	const { kernel_events: events, subscribers } = await status();

	return {
		// Of this sensor: others may come and go on the host.
		probes: probesOf(sensor.pid),
		instances: instances().filter((name) => name.includes(String(sensor.pid))),
		descriptors: perfDescriptors(sensor.pid),
		kernel: events.map(({ system, name, filter }) => `${system}:${name} ${filter}`),
		subscribers: subscribers.map(({ clauses }) => clauses),
	};
}

// Perf events of before a change are closed a moment after it: the state that stays.
async function settled(sensor, status) {
	let last = await state(sensor, status);

	for (let same = 0, tries = 0; same < 5; tries++) {
		assert.ok(tries < 100, 'the sensor keeps changing what it has in the kernel');
		await sleep(100);
		const next = await state(sensor, status);

		same = isDeepStrictEqual(next, last) ? same + 1 : 0;
		last = next;
	}
	return last;
}

test('each is refused with its path and the reason, and leaves nothing in the kernel', { timeout: 120000 }, async (t) => {
	const sensor = await startSensor(t);
	const status = statusReader(t, sensor.address);
	// Somebody has to be there whose probes and filters could change.
	const other = await subscribe(t, sensor.address, { syscall_events: [syscallEnter(flooded)], file_events: [{ type: 'FILE_EVENT_TYPE_OPEN' }] });
	const before = await settled(sensor, status);

	for (const { name, path, reason, request } of invalid) {
		const stream = open(t, sensor.address, request.subscription);
		const { code: ending, details } = await stream.ended;

		assert.equal(ending, code.INVALID_ARGUMENT, `${name}: ${details}`);
		assert.ok(details.startsWith(`${path}: `) && details.includes(reason, path.length), `${name}: "${path}: ...${reason}" is not "${details}"`);
		assert.equal(stream.responses, 0, name);
	}
	assert.deepEqual(await settled(sensor, status), before);
	await other.cancel();
});
