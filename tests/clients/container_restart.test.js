// Sensors that end, or are killed, while containers of every runtime run: the next one knows them at once, and tells nothing again.
import assert from 'node:assert/strict';
import { Containerd } from './support/containerd.js';
import { Docker } from './support/docker.js';
import { destroyed, exited, killed, Lives } from './support/lives.js';
import { Podman } from './support/podman.js';
import { sleep, until } from './support/process.js';
import { Runc } from './support/runc.js';
import { sensorOptions, startRuntime } from './support/runtime.js';
import { startSensor } from './support/sensor.js';
import { fileScope } from './support/site.js';
import { test } from './support/test.js';

const scope = fileScope();
const runtimes = [];
for (const Type of [Docker, Podman, Containerd, Runc])
	runtimes.push(await startRuntime(scope, Type));
const skip = runtimes.map((runtime) => runtime.skip).find((reason) => reason);
const options = skip ? [] : sensorOptions(...runtimes);

const program = ['/bin/sh', '-c', 'while :; do /bin/true tick; /bin/sleep 0.2; done'];

// The first event of a container's that a sensor has told of has all there is to know, and so have all others.
async function assertKnown(lives, containers) {
	const of = (container) => lives.execs.events.filter(({ container_id: id }) => id === container.id);

	await until(() => containers.every((container) => of(container).length > 0), () => `all have been told of: ${containers.map((c) => of(c).length)}`);
	for (const container of containers) {
		const told = [...new Set(of(container).map(({ container_name: name, image_name: image, image_id: id }) => `${name} ${image} ${id}`))];

		assert.deepEqual(told, [`${container.name} ${container.imageName} ${container.imageId}`]);
	}
	await sleep(500);
	for (const container of containers)
		assert.deepEqual(lives.lines(container), []);
}

test('after a restart, containers of all runtimes are known at once, and only what is new is told', { skip, timeout: 120000 }, async (t) => {
	const containers = [];

	for (const runtime of runtimes)
		containers.push(await runtime.run(t, 'stays', program));
	const first = await startSensor(t, options);
	await assertKnown(await Lives.watch(t, first.address), containers);
	await first.stop();
	const second = await startSensor(t, options);
	await assertKnown(await Lives.watch(t, second.address), containers);
	await second.kill();
	const third = await startSensor(t, options);
	const lives = await Lives.watch(t, third.address);
	await assertKnown(lives, containers);

	for (const [i, runtime] of runtimes.entries())
		await runtime.kill(t, containers[i]);
	for (const container of containers)
		await lives.expect(container, [exited(container, killed(9))]);
	for (const [i, runtime] of runtimes.entries())
		await runtime.remove(t, containers[i]);
	for (const container of containers)
		await lives.expect(container, [exited(container, killed(9)), destroyed(container)]);
});

test('what ended while no sensor ran is over: only its removal is told', { skip, timeout: 120000 }, async (t) => {
	const containers = [];

	for (const runtime of runtimes)
		containers.push(await runtime.run(t, 'ends', program));
	const first = await startSensor(t, options);
	await assertKnown(await Lives.watch(t, first.address), containers);
	await first.stop();
	for (const [i, runtime] of runtimes.entries())
		await runtime.kill(t, containers[i]);
	await sleep(500);
	const second = await startSensor(t, options);
	const lives = await Lives.watch(t, second.address);
	await sleep(2500);
	for (const container of containers)
		assert.deepEqual(lives.lines(container), []);
	for (const [i, runtime] of runtimes.entries())
		await runtime.remove(t, containers[i]);
	for (const container of containers)
		await lives.expect(container, [destroyed(container)]);
});

test('nothing is left of the runtimes', async () => {
	await scope.close();
});
