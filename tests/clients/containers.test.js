// Subscriptions to containers.
import assert from 'node:assert/strict';
import path from 'node:path';
import { code, open, subscribe } from './support/client.js';
import { cgroups, Container, DockerRoot, noCgroups, noRunc, randomId, WalledContainer } from './support/containers.js';
import { ringside } from './support/paths.js';
import { run, sleep, start, until } from './support/process.js';
import { startSensor } from './support/sensor.js';
import { test as anyTest } from './support/test.js';

const test = (name, ...rest) => anyTest(name, { skip: noCgroups, ...(rest.length > 1 ? rest[0] : {}) }, rest.at(-1));

const execs = { process_events: [{ type: 'PROCESS_EVENT_TYPE_EXEC' }] };
const imageId = randomId();
const web = { name: '/web', image: 'nginx:1.25', imageId };
const shop = { name: '/shop', image: 'registry.example:5000/team/shop:2', imageId: randomId() };

// What the marked programs that a stream has told of were called with.
const marks = (stream) =>
	stream.events
		.map(({ process }) => process?.exec_command_line ?? [])
		.filter(([program]) => program === '/bin/true')
		.map(([, mark]) => mark);

// Waits until the stream has had all of it that it gets; another one, which gets everything, says when.
async function settle(all, last) {
	await until(() => marks(all).includes(last), `${last} has been told of`);
	await sleep(300);
}

const filters = {
	'an id': (c) => ({ ids: [c.id] }),
	'the beginning of an id': (c) => ({ ids: [c.id.slice(0, 12)] }),
	'a name with a slash': () => ({ names: ['/web'] }),
	'a name without': () => ({ names: ['web'] }),
	'an image id': () => ({ image_ids: [imageId] }),
	'the beginning of an image id with its algorithm': () => ({ image_ids: [`sha256:${imageId.slice(0, 12)}`] }),
	'an image name': () => ({ image_names: ['nginx:1.25'] }),
	'a pattern': () => ({ image_names: ['ngin?:*'] }),
	'an image name that is an id': () => ({ image_names: [`sha256:${imageId}`] }),
	'one entry of several': (c) => ({ ids: [c.id], names: ['nobody'], image_ids: ['0000'], image_names: ['busybox'] }),
};

test('whoever asks for a container, in whichever way, gets what happens in it and nothing else', async (t) => {
	const docker = new DockerRoot(t);
	const inWeb = new Container(t);
	const inShop = new Container(t);
	const bare = new Container(t);
	const sensor = await startSensor(t, ['--docker-root', docker.folder]);
	const all = await subscribe(t, sensor.address, execs);
	const ours = ['web-child', 'web', 'shop', 'bare', 'host', 'last'];
	const streams = {};

	for (const [name, filter] of Object.entries(filters))
		streams[name] = await subscribe(t, sensor.address, execs, { container_filter: filter(inWeb) });
	const slashes = await subscribe(t, sensor.address, execs, { container_filter: { image_names: ['*'] } });
	const everywhere = await subscribe(t, sensor.address, execs, { container_filter: { image_names: ['**'] } });
	const nothing = await subscribe(t, sensor.address, execs, { container_filter: {} });
	// The containers begin after the subscriptions; what Docker knows of them is there before their first process is.
	docker.write(inWeb.id, web);
	docker.write(inShop.id, shop);

	await inWeb.run('/bin/sh', '-c', '/bin/true web-child; exec /bin/true web');
	await inShop.run('/bin/true', 'shop');
	await bare.run('/bin/true', 'bare');
	await run(t, '/bin/true', ['host']);
	await run(t, '/bin/true', ['last']);
	await settle(all, 'last');
	for (const [name, stream] of Object.entries(streams))
		assert.deepEqual(marks(stream), ['web-child', 'web'], name);
	assert.deepEqual(marks(slashes), ['web-child', 'web']);
	assert.deepEqual(marks(everywhere), ['web-child', 'web', 'shop']);
	// This host's other programs are not ours to count.
	assert.deepEqual(marks(nothing).filter((mark) => ours.includes(mark)), ours);

	const told = (mark) => {
		const event = all.events.find(({ process }) => process?.exec_command_line[1] === mark);

		return [event.container_id, event.container_name, event.image_id, event.image_name];
	};
	assert.deepEqual(told('web'), [inWeb.id, web.name, imageId, web.image]);
	assert.deepEqual(told('shop'), [inShop.id, shop.name, shop.imageId, shop.image]);
	assert.deepEqual(told('bare'), [bare.id, '', '', '']);
	assert.deepEqual(told('host'), ['', '', '', '']);
});

test('what runs before the sensor starts, and what joins it later, is in the container', async (t) => {
	const docker = new DockerRoot(t);
	const container = new Container(t);

	docker.write(container.id, web);
	const loop = container.loop();
	loop.stdin.write('before-the-sensor\n');
	await sleep(300);
	const sensor = await startSensor(t, ['--docker-root', docker.folder]);
	const all = await subscribe(t, sensor.address, execs);
	const stream = await subscribe(t, sensor.address, execs, { container_filter: { names: ['web'] } });

	loop.stdin.write('from-before\n');
	await until(() => marks(all).includes('from-before'), 'the first');
	await container.run('/bin/true', 'joined');
	await run(t, '/bin/true', ['outside']);
	await settle(all, 'outside');
	assert.deepEqual(marks(stream), ['from-before', 'joined']);
	loop.stdin.end();
	await loop.done;
});

test('a process that leaves is out of it, and what it starts then too', async (t) => {
	const docker = new DockerRoot(t);
	const container = new Container(t);
	const sensor = await startSensor(t, ['--docker-root', docker.folder]);
	const all = await subscribe(t, sensor.address, execs);
	const stream = await subscribe(t, sensor.address, execs, { container_filter: { ids: [container.id] } });

	await container.run('/bin/sh', '-c', `/bin/true inside; echo $$ >${path.join(cgroups(), 'cgroup.procs')}; /bin/true outside`);
	await settle(all, 'outside');
	assert.deepEqual(marks(stream), ['inside']);
});

test('a container that Docker writes of a little later is found, and one that is renamed as well', async (t) => {
	const docker = new DockerRoot(t);
	const container = new Container(t);
	const sensor = await startSensor(t, ['--docker-root', docker.folder]);
	const byName = await subscribe(t, sensor.address, execs, { container_filter: { names: ['web'] } });
	const byNewName = await subscribe(t, sensor.address, execs, { container_filter: { names: ['web-old'] } });
	const loop = container.loop();
	const knocks = async (stream, mark) => {
		await until(
			() => {
				loop.stdin.write(`${mark}\n`);
				return marks(stream).includes(mark);
			},
			mark,
			20000,
			100,
		);
	};

	await sleep(200);
	docker.write(container.id, web);
	await knocks(byName, 'late');
	docker.write(container.id, { ...web, name: '/web-old' });
	await knocks(byNewName, 'renamed');
	loop.stdin.end();
	await loop.done;
});

test('what comes from no container is refused with a container filter, and the rest is served', async (t) => {
	const sensor = await startSensor(t);
	const filter = { ...execs, ticker_events: [{ interval: '1000000' }] };
	const stream = open(t, sensor.address, { event_filter: filter, container_filter: { names: ['web'] } });
	const statuses = await stream.started;

	assert.equal(statuses.length, 1);
	assert.equal(statuses[0].code, code.INVALID_ARGUMENT);
	assert.match(statuses[0].message, /ticker_events\[0\].*container_filter/);
	await stream.cancel();
	const none = open(t, sensor.address, { event_filter: { ticker_events: filter.ticker_events }, container_filter: { names: ['web'] } });
	const { code: ending } = await none.ended;
	assert.equal(ending, code.FAILED_PRECONDITION);
});

test('`ringside watch --container` takes ids, names and patterns', async (t) => {
	const docker = new DockerRoot(t);
	const inWeb = new Container(t);
	const inShop = new Container(t);
	const other = new Container(t);

	docker.write(inWeb.id, web);
	docker.write(inShop.id, shop);
	docker.write(other.id, { name: '/other', image: 'other:1', imageId: randomId() });
	const sensor = await startSensor(t, ['--docker-root', docker.folder]);
	const watch = start(t, ringside, [
		...['watch', '--connect', sensor.address, '-o', 'json', '-n', '3'],
		...['--container', inWeb.id.slice(0, 12), '--container', 'registry.example:5000/**', 'process:exec'],
	]);

	await until(() => /subscribed/.test(watch.err), 'it has subscribed');
	await other.run('/bin/true', 'other');
	await inWeb.run('/bin/sh', '-c', 'exec /bin/true web');
	await inShop.run('/bin/true', 'shop');
	const { code: status, out } = await watch.done;
	const events = out.trim().split('\n').map((line) => JSON.parse(line).event);

	assert.equal(status, 0, watch.err);
	assert.deepEqual(events.map(({ containerName }) => containerName), ['/web', '/web', '/shop']);
	assert.deepEqual(events.at(-1).process.execCommandLine, ['/bin/true', 'shop']);
});

test('the first process of a real container, and one that is executed in it, are in it from their exec on', { skip: noRunc }, async (t) => {
	const docker = new DockerRoot(t);
	const container = new WalledContainer(t, ['/bin/sh', '-c', 'exec /bin/sleep 100']);
	const { id } = container;

	docker.write(id, web);
	const sensor = await startSensor(t, ['--docker-root', docker.folder]);
	const stream = await subscribe(t, sensor.address, execs, { container_filter: { image_names: ['nginx*'] } });

	await container.start();
	await container.runc(['exec', id, '/bin/sh', '-c', 'exit 7 7 7'], { stdio: 'ignore' }).catch(() => {});
	const called = () => stream.events.map(({ process }) => process?.exec_command_line.join(' '));

	await until(() => called().includes('/bin/sh -c exit 7 7 7'), () => `docker exec: ${called().join('; ')}`);
	assert.deepEqual(called(), ['/bin/sh -c exec /bin/sleep 100', '/bin/sleep 100', '/bin/sh -c exit 7 7 7']);
	for (const event of stream.events)
		assert.deepEqual([event.container_id, event.container_name, event.image_name], [id, web.name, web.image]);
});
