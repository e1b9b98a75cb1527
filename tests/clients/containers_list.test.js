// The list of containers: from the service, and from `ringside containers`.
import assert from 'node:assert/strict';
import { code, containerLister, statusReader } from './support/client.js';
import { Container, DockerRoot, noCgroups, noRunc, randomId, WalledContainer } from './support/containers.js';
import { ringside } from './support/paths.js';
import { run, start, until } from './support/process.js';
import { startSensor } from './support/sensor.js';
import { test as anyTest } from './support/test.js';

const test = (name, ...rest) => anyTest(name, { skip: noCgroups, ...(rest.length > 1 ? rest[0] : {}) }, rest.at(-1));

const imageId = randomId();
const web = { name: '/web', image: 'nginx:1.25', imageId };
const shop = { name: '/shop', image: 'registry.example:5000/team/shop:2', imageId: randomId() };

// What the sensor's host runs beside is not ours.
const only = (containers, ...ids) => containers.filter(({ id }) => ids.includes(id));

const lines = (text) =>
	text
		.split('\n')
		.filter((line) => line)
		.map((line) => JSON.parse(line));

test('containers are listed with what is known of them and how many processes are in them', async (t) => {
	const docker = new DockerRoot(t);
	const inWeb = new Container(t);
	const bare = new Container(t);

	docker.write(inWeb.id, web);
	const loops = [inWeb.loop(), inWeb.loop(), bare.loop()];
	const sensor = await startSensor(t, ['--docker-root', docker.folder]);
	const list = containerLister(t, sensor.address);
	// A loop that has not joined yet when the sensor begins is seen to.
	const found = await until(async () => {
		const all = only(await list(), inWeb.id, bare.id);

		return all.find(({ id }) => id === inWeb.id)?.processes === 2 && all.find(({ id }) => id === bare.id)?.processes === 1 && all;
	}, 'all processes are counted');
	const [one] = only(found, inWeb.id);

	assert.deepEqual([one.name, one.image_name, one.image_id], ['/web', 'nginx:1.25', imageId]);
	assert.equal(only(found, bare.id)[0].name, '');
	assert.deepEqual((await list({ filters: ['web'] })).map(({ id }) => id), [inWeb.id]);
	assert.deepEqual((await list({ filters: [bare.id.slice(0, 12), 'ngin?:*'] })).map(({ id }) => id).sort(), [inWeb.id, bare.id].sort());
	assert.deepEqual(await list({ filters: ['nobody'] }), []);
	assert.ok(Number((await statusReader(t, sensor.address)()).containers.known) >= 2);

	loops[0].stdin.end();
	await loops[0].done;
	await until(async () => (await list({ filters: ['web'] }))[0]?.processes === 1, 'one has ended');
	for (const loop of loops.slice(1)) {
		loop.stdin.end();
		await loop.done;
	}
	await until(async () => only(await list(), inWeb.id, bare.id).length === 0, 'nothing runs in them');
});

test('filters that are none are refused with their place and value', async (t) => {
	const sensor = await startSensor(t);
	const list = containerLister(t, sensor.address);

	await assert.rejects(list({ filters: ['web', 'nginx:[0'] }), (error) => {
		assert.equal(error.code, code.INVALID_ARGUMENT);
		assert.match(error.details, /^filters\[1\]: "nginx:\[0"; /);
		return true;
	});
	await assert.rejects(list({ filters: Array(65).fill('web') }), { code: code.INVALID_ARGUMENT, details: 'filters: 65; at most 64 are allowed' });
});

test('hundreds of containers are all listed', async (t) => {
	const docker = new DockerRoot(t);
	const containers = Array.from({ length: 200 }, () => new Container(t));
	const loops = containers.map((container) => container.loop());

	for (const [i, { id }] of containers.entries())
		docker.write(id, { ...web, name: `/many-${i}` });
	const sensor = await startSensor(t, ['--docker-root', docker.folder]);
	const list = containerLister(t, sensor.address);
	const ids = containers.map(({ id }) => id);
	const all = () => list({ filters: ['nginx*'] });

	await until(async () => only(await all(), ...ids).length === ids.length, 'all are known', 20000, 200);
	assert.deepEqual((await all()).map(({ name }) => name).sort(), ids.map((_, i) => `/many-${i}`).sort());
	const { out } = await run(t, ringside, ['containers', '--connect', sensor.address, 'nginx*']);
	assert.equal(out.trim().split('\n').length, 1 + ids.length);
	for (const loop of loops) {
		loop.stdin.end();
		await loop.done;
	}
});

test('`ringside containers` prints a table, and JSON with an object per line', async (t) => {
	const docker = new DockerRoot(t);
	const inWeb = new Container(t);
	const inShop = new Container(t);
	const loops = [inWeb.loop(), inShop.loop()];

	docker.write(inWeb.id, { ...web, started: new Date().toISOString() });
	docker.write(inShop.id, { ...shop, image: 'evil\u001b[2J\nimage' });
	const sensor = await startSensor(t, ['--docker-root', docker.folder]);
	const list = (...words) => run(t, ringside, ['containers', '--connect', sensor.address, ...words]);

	await until(async () => (await list('-o', 'json', 'web', 'shop')).out.split('\n').length === 3, 'both are known');
	const { out: table } = await list('web', 'shop');
	const [head, ...rows] = table.trimEnd().split('\n');
	const cell = (row, column) => row.slice(head.indexOf(column)).split(/ {2,}/)[0];
	const row = (container) => rows.find((text) => text.startsWith(container.id.slice(0, 12)));

	assert.equal(rows.length, 2, table);
	assert.equal(cell(row(inWeb), 'NAME'), 'web');
	assert.equal(cell(row(inWeb), 'IMAGE'), 'nginx:1.25');
	assert.match(cell(row(inWeb), 'STATE'), /^up/);
	assert.equal(cell(row(inWeb), 'PROCESSES'), '1');
	assert.equal(cell(row(inShop), 'IMAGE'), 'evil\\x1b[2J\\nimage');
	assert.doesNotMatch(table, /\u001b/);

	const objects = lines((await list('-o', 'json', 'web', 'shop')).out);
	assert.deepEqual(objects.map(({ name }) => name).sort(), ['/shop', '/web']);
	assert.equal(objects.find(({ name }) => name === '/shop').imageName, 'evil\u001b[2J\nimage');
	assert.deepEqual(lines((await list('-o', 'json', inWeb.id.slice(0, 12))).out).map(({ id }) => id), [inWeb.id]);

	assert.equal((await list('nobody')).out, 'no such container runs; --all lists those that have stopped, too\n');
	assert.equal((await list('--all', 'nobody')).out, 'no such container\n');
	const wrong = await start(t, ringside, ['containers', '--connect', sensor.address, 'nginx:[0']).done;
	assert.equal(wrong.code, 64);
	assert.match(wrong.err, /ringside containers: "nginx:\[0"; /);
	for (const loop of loops) {
		loop.stdin.end();
		await loop.done;
	}
});

test('a real container is listed with its processes while it runs', { skip: noRunc }, async (t) => {
	const docker = new DockerRoot(t);
	const container = new WalledContainer(t, ['/bin/sh', '-c', '/bin/sleep 100 & /bin/sleep 100']);
	const { id } = container;

	docker.write(id, web);
	const sensor = await startSensor(t, ['--docker-root', docker.folder]);
	const list = async () => lines((await run(t, ringside, ['containers', '--connect', sensor.address, '-o', 'json', id])).out);

	assert.deepEqual(await list(), []);
	await container.start();
	// Once its programs are what they stay, the kernel's own count is what is told.
	const inside = async () => (await container.runc(['ps', '--format', 'json', id])).out;
	let found;
	const told = async () => {
		[found] = await list();
		return found?.processes > 1 && found.processes === JSON.parse(await inside()).length;
	};
	await until(told, () => `all that are in it are counted: ${found?.processes}`);
	assert.deepEqual([found.id, found.name, found.imageName], [id, web.name, web.image]);
	await container.runc(['kill', id, 'KILL'], { stdio: 'ignore' });
	await until(async () => (await list()).length === 0, 'it has ended');
});
