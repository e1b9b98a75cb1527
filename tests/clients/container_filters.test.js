// Subscriptions to real containers: those that ran before the sensor, those that come later, and what is executed in them.
import assert from 'node:assert/strict';
import { subscribe } from './support/client.js';
import { Containerd } from './support/containerd.js';
import { Docker } from './support/docker.js';
import { Podman } from './support/podman.js';
import { run, sleep, until } from './support/process.js';
import { sensorOptions, startRuntime } from './support/runtime.js';
import { startSensor } from './support/sensor.js';
import { fileScope } from './support/site.js';
import { test } from './support/test.js';

const scope = fileScope();
const docker = await startRuntime(scope, Docker);
const podman = await startRuntime(scope, Podman);
const containerd = await startRuntime(scope, Containerd);

const execs = { process_events: [{ type: 'PROCESS_EVENT_TYPE_EXEC' }] };

// Runs /bin/true with this mark, again and again.
const marking = (mark) => ['/bin/sh', '-c', `while :; do /bin/true ${mark}; /bin/sleep 0.2; done`];

const programs = (stream) => stream.events.filter(({ process }) => process);
const marks = (stream) => [
	...new Set(
		programs(stream)
			.map(({ process }) => process.exec_command_line)
			.filter(([program]) => program === '/bin/true')
			.map(([, mark]) => mark),
	),
];

// Starts what there is to see, with each of the filters in place from before the last container on, and asserts that a filter has what it asks for.
// filters(before, after): { name: [filter, the containers that it means] }; after: only what is known before it is there.
async function assertFilters(t, runtime, otherImage, filters) {
	const before = await runtime.run(t, 'before', marking('before'));
	const other = await runtime.run(t, 'other', marking('other'), { image: otherImage });
	const sensor = await startSensor(t, sensorOptions(runtime));
	const after = await runtime.create(t, 'after', marking('after'));
	const all = await subscribe(t, sensor.address, execs);
	const wanted = filters(before, after, other);
	const streams = {};

	for (const [name, [filter]] of Object.entries(wanted))
		streams[name] = await subscribe(t, sensor.address, execs, { container_filter: filter });
	await runtime.begins(t, after);
	// Arguments of a program that is gone already may be missing: then once more.
	for (const [container, mark] of [[before, 'exec-before'], [after, 'exec-after'], [other, 'exec-other']])
		await until(() => runtime.exec(t, container, ['/bin/true', mark]).then(() => marks(all).includes(mark)), mark, 20000);
	await until(() => run(t, '/bin/true', ['host']).then(() => marks(all).includes('host')), 'host');
	await until(() => ['before', 'after', 'other'].every((mark) => marks(all).includes(mark)), () => `all is told of: ${marks(all)}`);
	for (const container of [before, after, other])
		await runtime.remove(t, container);
	await sleep(500);
	const names = new Map([[before, 'before'], [after, 'after'], [other, 'other']]);

	for (const [what, [, meant]] of Object.entries(wanted)) {
		const stream = streams[what];
		const expected = meant.flatMap((container) => [names.get(container), `exec-${names.get(container)}`]);
		const ids = new Set(stream.events.map(({ container_id: id }) => id));

		assert.deepEqual(marks(stream).sort(), expected.sort(), what);
		assert.deepEqual([...ids].sort(), meant.map(({ id }) => id).sort(), what);
		for (const container of meant) {
			const of = (events) => events.filter(({ container_id: id }) => id === container.id);
			const told = of(stream.events).map(({ id }) => id);
			const whole = of(all.events).map(({ id }) => id);

			assert.deepEqual(told, whole.slice(whole.indexOf(told[0])), what);
			for (const event of of(stream.events))
				assert.deepEqual([event.container_name, event.image_name, event.image_id], [container.name, container.imageName, container.imageId], what);
		}
	}
	// The first program of the one that came later is not missed.
	for (const [what] of Object.entries(wanted).filter(([, [, meant]]) => meant.includes(after))) {
		const first = programs(streams[what]).find(({ container_id: id, process }) => id === after.id && process.exec_filename === '/bin/sh');

		assert.deepEqual(first?.process.exec_command_line, marking('after'), what);
	}
}

test('Docker: ids, names, image ids and patterns get what is in these containers, and nothing else', { skip: docker.skip }, async (t) => {
	const otherImage = 'registry.example:5000/other/thing:2';

	await docker.import(otherImage);
	await assertFilters(t, docker, otherImage, (before, after, other) => ({
		'an id': [{ ids: [before.id] }, [before]],
		'the beginning of an id': [{ ids: [after.id.slice(0, 12)] }, [after]],
		'a name': [{ names: ['/before'] }, [before]],
		'a name without its slash': [{ names: ['after'] }, [after]],
		'an image id': [{ image_ids: [docker.imageId] }, [before, after]],
		'the beginning of an image id, with its algorithm': [{ image_ids: [`sha256:${other.imageId.slice(0, 12)}`] }, [other]],
		'an image': [{ image_names: ['team/shop:1'] }, [before, after]],
		'a pattern': [{ image_names: ['registry.example:5000/**'] }, [other]],
		'several': [{ names: ['other'], ids: [after.id.slice(0, 8)] }, [after, other]],
	}));
});

test('Podman: ids, names, image ids and patterns get what is in these containers, and nothing else', { skip: podman.skip }, async (t) => {
	const otherImage = 'localhost/other/thing:2';

	await podman.import(otherImage);
	await assertFilters(t, podman, otherImage, (before, after, other) => ({
		'the beginning of an id': [{ ids: [before.id.slice(0, 12)] }, [before]],
		'names': [{ names: ['after', '/other'] }, [after, other]],
		'an image id': [{ image_ids: [podman.imageId] }, [before, after]],
		'a pattern': [{ image_names: ['localhost/other/*'] }, [other]],
	}));
});

test('containerd: names, which are the ids, and patterns get what is in these containers, and nothing else', { skip: containerd.skip }, async (t) => {
	const otherImage = 'registry.example/other/thing:2';

	await containerd.import(otherImage);
	await assertFilters(t, containerd, otherImage, (before, after, other) => ({
		'a name': [{ names: [before.id] }, [before]],
		'another name': [{ names: [after.id] }, [after]],
		'an image id': [{ image_ids: [containerd.imageId.slice(0, 12)] }, [before, after]],
		'a pattern': [{ image_names: ['registry.example/other/*'] }, [other]],
	}));
});

test('nothing is left of the runtimes', async () => {
	await scope.close();
});
