// Containers that live for some milliseconds, many at a time, with nothing above runc: their ids look like no ids, their cgroups are "/ID".
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { Lives } from './support/lives.js';
import { sanitized } from './support/paths.js';
import { until } from './support/process.js';
import { Runc } from './support/runc.js';
import { sensorOptions, startRuntime } from './support/runtime.js';
import { startSensor } from './support/sensor.js';
import { fileScope } from './support/site.js';
import { test } from './support/test.js';

const scope = fileScope();
const runc = await startRuntime(scope, Runc);
const { skip } = runc;

const total = sanitized ? 60 : 200;
const atATime = 20;

// When each event came, in ms.
function arrivals(stream) {
	const at = new Map();

	stream.call.on('data', ({ events }) => {
		for (const { event } of events)
			at.set(event, performance.now());
	});
	return at;
}

test('of hundreds of containers that run `true`, each program is in its container, with its name and image', { skip, timeout: 120000 }, async (t) => {
	const sensor = await startSensor(t, sensorOptions(runc));
	const lives = await Lives.watch(t, sensor.address);
	const execArrivals = arrivals(lives.execs);
	const lifeArrivals = arrivals(lives.basic);
	const containers = Array.from({ length: total }, (_, i) => runc.container(`churn-${i}.of_many`, { image: `registry.example/churn:${i}` }));
	// Each has a program of its own name: of arguments that are read late there may be none.
	const mark = ({ id }) => `/bin/${id}/true`;
	const waiting = containers.map((container) => [container, runc.bundle(container.id, [mark(container)], { image: container.imageName })]);
	const worker = async () => {
		for (let next = waiting.pop(); next; next = waiting.pop())
			await runc.client(t, 'run', '--bundle', next[1], next[0].id);
	};
	const programs = () => lives.execs.events.filter(({ process }) => process?.exec_filename.startsWith(`/bin/${runc.site.key}`));

	for (const container of containers) {
		mkdirSync(path.join(runc.rootfs, path.dirname(mark(container))));
		symlinkSync('../busybox', path.join(runc.rootfs, mark(container)));
	}
	await Promise.all(Array.from({ length: atATime }, worker));
	await until(() => programs().length >= total, () => `${total} programs: ${programs().length}, lost: ${lives.execs.lost}`, 20000);
	await until(() => containers.every((container) => lives.lines(container).length >= 4), 'all are destroyed', 20000).catch(() => {});

	// Which container: always, and from the first event on.
	const told = programs().map(({ container_id: id, process }) => [process.exec_filename, id]);
	assert.deepEqual(told.sort(), containers.map((container) => [mark(container), container.id]).sort());

	// What it is: nearly always within a second, and never something else.
	const late = [];
	for (const container of containers) {
		const exec = programs().find(({ container_id: id }) => id === container.id);
		const steps = lives.events(lives.basic, container);
		const all = [exec, ...steps].map((event) => [event, event.container_name, event.image_name]);

		for (const [event, name, image] of all)
			assert.ok((name === '' && image === '') || (name === container.name && image === container.imageName), `${container.id}: ${event.event}: ${name}, ${image}`);
		const begin = execArrivals.get(exec);
		const whole = all.filter(([, name, image]) => name && image).map(([event]) => execArrivals.get(event) ?? lifeArrivals.get(event));
		if (!(Math.min(...whole) - begin <= 1000))
			late.push(container.id);
	}
	const withName = programs().filter(({ container_name: name }) => name).length;
	t.diagnostic(`${withName} of ${total} programs with name and image at once, ${late.length} not within a second`);
	// A sensor with a sanitizer in it is several times slower than what it has to read before it is gone.
	assert.ok(late.length <= total / (sanitized ? 10 : 100), `${late.length} of ${total} are not known within a second: ${late.join(' ')}`);

	// The whole life of each, once and in order.
	const types = ['CREATED', 'RUNNING', 'EXITED', 'DESTROYED'].map((type) => `CONTAINER_EVENT_TYPE_${type}`);
	const odd = containers.filter((container) => lives.events(lives.basic, container).map(({ container: { type } }) => type).join() !== types.join());
	assert.deepEqual(odd.map((container) => lives.lines(container)), [], 'lives that are not whole');
});

test('nothing is left of runc', async () => {
	await scope.close();
});
