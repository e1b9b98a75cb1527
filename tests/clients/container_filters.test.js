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
const [docker, podman, containerd] = await Promise.all([Docker, Podman, Containerd].map((Type) => startRuntime(scope, Type)));

const execs = { process_events: [{ type: 'PROCESS_EVENT_TYPE_EXEC' }] };

// Runs /bin/true with this mark, again and again.
const marking = (mark) => ['/bin/sh', '-c', `while :; do /bin/true ${mark}; /bin/sleep 0.2; done`];

const marks = (stream) => [
	...new Set(
		stream.events
			.map(({ process }) => process?.exec_command_line ?? [])
			.filter(([program]) => program === '/bin/true')
			.map(([, mark]) => mark),
	),
];

// All events of a stream that are from this container.
const from = (stream, container) => stream.events.filter(({ container_id: id }) => id === container.id);

// Containers: two of the runtime's own image, one of which is not started yet when the subscriptions begin, and two of others, one of which is not even
// there yet. In all of them something is executed, and outside too.
class Scene {
	static async set(t, runtime, otherImage) {
		const scene = new Scene();

		Object.assign(scene, { t, runtime, bornImage: runtime.imageName.replace('shop', 'born') });
		await runtime.import(otherImage);
		await runtime.import(scene.bornImage);
		scene.before = await runtime.run(t, 'before', marking('before'));
		scene.other = await runtime.run(t, 'other', marking('other'), { image: otherImage });
		scene.sensor = await startSensor(t, sensorOptions(runtime));
		scene.after = await runtime.create(t, 'after', marking('after'));
		scene.all = await subscribe(t, scene.sensor.address, execs);
		return scene;
	}

	subscribe(filter) {
		return subscribe(this.t, this.sensor.address, execs, { container_filter: filter });
	}

	// Does something that makes the mark known; arguments of a program that is gone already may be missing, then once more.
	async mark(mark, action) {
		await until(() => action(['/bin/true', mark]).then(() => marks(this.all).includes(mark)), mark, 20000);
	}

	async play() {
		const { t, runtime } = this;

		await runtime.begins(t, this.after);
		for (const name of ['before', 'after', 'other'])
			await this.mark(`exec-${name}`, (words) => runtime.exec(t, this[name], words));
		await this.mark('host', ([program, ...words]) => run(t, program, words));
		this.born = await runtime.run(t, 'born', marking('born'), { image: this.bornImage });
		await until(() => ['before', 'after', 'other', 'born'].every((mark) => marks(this.all).includes(mark)), () => `all is told of: ${marks(this.all)}`);
		for (const container of [this.before, this.after, this.other, this.born])
			await runtime.remove(t, container);
		await sleep(500);
	}

	// The stream has what happens in these, all of it from when it began, with all that is known of them.
	assertHas(stream, names, what) {
		const containers = names.map((name) => this[name]);

		assert.deepEqual([...new Set(stream.events.map(({ container_id: id }) => id))].sort(), containers.map(({ id }) => id).sort(), what);
		for (const container of containers) {
			const told = from(stream, container).map(({ id }) => id);
			const whole = from(this.all, container).map(({ id }) => id);

			assert.deepEqual(told, whole.slice(whole.indexOf(told[0])), what);
			for (const event of from(stream, container))
				assert.deepEqual([event.container_name, event.image_name, event.image_id], [container.name, container.imageName, container.imageId], what);
		}
		for (const container of containers.filter((one) => one === this.after || one === this.born)) {
			const first = from(stream, container).find(({ process }) => process?.exec_filename === '/bin/sh');

			assert.ok(first?.process.exec_command_line.join(' ').includes('/bin/true'), `${what}: its first program`);
		}
	}
}

// filters(scene): { what: [container_filter, names of the containers that it means] }.
async function assertFilters(t, runtime, otherImage, filters) {
	const scene = await Scene.set(t, runtime, otherImage);
	const wanted = { ...filters(scene), 'the name of one that is not there yet': [{ names: [runtime.called('born')] }, ['born']] };
	const streams = {};

	for (const [what, [filter]] of Object.entries(wanted))
		streams[what] = await scene.subscribe(filter);
	await scene.play();
	for (const [what, [, names]] of Object.entries(wanted)) {
		const executed = names.filter((name) => name !== 'born').map((name) => `exec-${name}`);

		scene.assertHas(streams[what], names, what);
		assert.deepEqual(marks(streams[what]).sort(), [...names, ...executed].sort(), what);
	}
}

test('Docker: ids, names, image ids and patterns get what is in these containers, and nothing else', { skip: docker.skip }, async (t) => {
	await assertFilters(t, docker, 'registry.example:5000/other/thing:2', ({ before, after, other }) => ({
		'an id': [{ ids: [before.id] }, ['before']],
		'the beginning of an id': [{ ids: [after.id.slice(0, 12)] }, ['after']],
		'a name': [{ names: ['/before'] }, ['before']],
		'a name without its slash': [{ names: ['after'] }, ['after']],
		'an image id': [{ image_ids: [docker.imageId] }, ['before', 'after']],
		'the beginning of an image id, with its algorithm': [{ image_ids: [`sha256:${other.imageId.slice(0, 12)}`] }, ['other']],
		'an image': [{ image_names: ['team/shop:1'] }, ['before', 'after']],
		'a pattern': [{ image_names: ['registry.example:5000/**'] }, ['other']],
		'several': [{ names: ['other'], ids: [after.id.slice(0, 8)] }, ['after', 'other']],
	}));
});

test('Podman: ids, names, image ids and patterns get what is in these containers, and nothing else', { skip: podman.skip }, async (t) => {
	await assertFilters(t, podman, 'localhost/other/thing:2', ({ before }) => ({
		'the beginning of an id': [{ ids: [before.id.slice(0, 12)] }, ['before']],
		'names': [{ names: ['after', '/other'] }, ['after', 'other']],
		'an image id': [{ image_ids: [podman.imageId] }, ['before', 'after']],
		'a pattern': [{ image_names: ['localhost/other/*'] }, ['other']],
	}));
});

test('containerd: names, which are the ids, and patterns get what is in these containers, and nothing else', { skip: containerd.skip }, async (t) => {
	await assertFilters(t, containerd, 'registry.example/other/thing:2', ({ before, after }) => ({
		'a name': [{ names: [before.id] }, ['before']],
		'another name': [{ names: [after.id] }, ['after']],
		'an image id': [{ image_ids: [containerd.imageId.slice(0, 12)] }, ['before', 'after']],
		'a pattern': [{ image_names: ['registry.example/other/*'] }, ['other']],
	}));
});

test('nothing is left of the runtimes', async () => {
	await scope.close();
});
