// The lives of runc's own containers, whose ids are names, and of many that live for some ten milliseconds each.
import assert from 'node:assert/strict';
import { containerLister, subscribe } from './support/client.js';
import { sleep, until } from './support/process.js';
import { execs, expectLife, life, lifeEvents, mark, marks, missing, Runc, shortTrue, told } from './support/runtimes.js';
import { startSensor } from './support/sensor.js';
import { test } from './support/test.js';

const reason = missing('runc');

test('created, started, killed and deleted, each in its turn', { skip: reason }, async (t) => {
	const runc = Runc.start(t);
	const sensor = await startSensor(t, runc.sensorOptions);
	const stream = await subscribe(t, sensor.address, lifeEvents('FULL'));

	await runc.detached('create', '--bundle', runc.bundle('b', ['sleep', '1000']), 'web');
	await expectLife(stream, 'web', ['created']);
	await sleep(300);
	await runc.do('start', 'web');
	await expectLife(stream, 'web', ['created', 'running']);
	const { name, image_name: imageName, host_pid: pid, oci_config_json: config } = told(stream, 'web', 'RUNNING');
	assert.deepEqual([name, imageName], ['web', 'demo:1']);
	assert.equal(pid, JSON.parse(await runc.do('state', 'web')).pid);
	assert.deepEqual(JSON.parse(config).process.args, ['sleep', '1000']);
	await runc.do('kill', 'web', 'KILL');
	await expectLife(stream, 'web', ['created', 'running', 'exited 137']);
	await until(async () => (await runc.try('delete', 'web')).code === 0, 'it can be deleted');
	await expectLife(stream, 'web', ['created', 'running', 'exited 137', 'destroyed']);
	await runc.do('run', '--bundle', runc.bundle('c', ['sh', '-c', 'exit 3']), 'web').catch(() => {});
	await expectLife(stream, 'web', ['created', 'running', 'exited 137', 'destroyed', 'created', 'running', 'exited 3', 'destroyed']);
});

test('one that is created and never started', { skip: reason }, async (t) => {
	const runc = Runc.start(t);
	const sensor = await startSensor(t, runc.sensorOptions);
	const stream = await subscribe(t, sensor.address, lifeEvents());

	await runc.detached('create', '--bundle', runc.bundle('b', ['true']), 'idle');
	await runc.do('delete', '--force', 'idle');
	await expectLife(stream, 'idle', ['created', 'destroyed']);
});

test('a sensor that is started again knows what is there, and tells only what is new', { skip: reason }, async (t) => {
	const runc = Runc.start(t);
	const before = await startSensor(t, runc.sensorOptions);
	const stream = await subscribe(t, before.address, lifeEvents());

	await runc.detached('run', '-d', '--bundle', runc.bundle('b', ['sleep', '1000']), 'stays');
	await expectLife(stream, 'stays', ['created', 'running']);
	await before.kill();
	const again = await startSensor(t, runc.sensorOptions);
	const lives = await subscribe(t, again.address, lifeEvents());
	const first = await subscribe(t, again.address, execs, { container_filter: { names: ['stays'] } });

	await runc.do('exec', 'stays', ...mark('again'));
	await until(() => marks(first).includes('again'), 'the first event after the restart');
	const event = first.events.find(({ process }) => process?.exec_command_line[2]?.startsWith('mark-again'));
	assert.deepEqual([event.container_id, event.container_name, event.image_name], ['stays', 'stays', 'demo:1']);
	assert.deepEqual(life(lives, 'stays'), []);
	await runc.do('delete', '--force', 'stays');
	await expectLife(lives, 'stays', ['exited 137', 'destroyed']);
});

test('two hundred that live for some ten milliseconds, twenty at a time', { skip: reason, timeout: 180000 }, async (t) => {
	const count = 200;
	const parallel = 20;
	const runc = Runc.start(t);
	const sensor = await startSensor(t, runc.sensorOptions);
	const stream = await subscribe(t, sensor.address, { ...lifeEvents(), ...execs });
	const list = containerLister(t, sensor.address);
	const ids = Array.from({ length: count }, (_, i) => `short-${i}`);
	const bundles = ids.map((id, i) => runc.bundle(id, [shortTrue, id], `demo/short:${i}`));
	const queue = ids.map((id, i) => [id, bundles[i]]);
	// A program that is gone at once can be gone before its arguments are read, where there are no kprobes: then only its container tells which it was.
	const programs = () => stream.events.filter(({ process }) => process?.exec_filename === shortTrue);
	const ran = (id) => programs().filter((event) => event.container_id === id);

	await Promise.all(Array.from({ length: parallel }, async () => {
		for (let next = queue.shift(); next; next = queue.shift())
			await runc.do('run', '--bundle', next[1], next[0]);
	}));
	await until(() => programs().length >= count, () => `${count} programs; ${programs().length} have been told of`, 30000);
	// Every program is in its container and in no other.
	for (const { container_id: id, process: { exec_command_line: [, argument] } } of programs())
		assert.ok(ids.includes(id) && (argument ?? id) === id, `${argument} in ${id}`);
	for (const id of ids)
		assert.equal(ran(id).length, 1, id);
	// What the sensor knows a second later: never anything wrong, and hardly anything missing.
	await sleep(1000);
	const listed = new Map((await list({ include_stopped: true })).map((container) => [container.id, container]));
	const images = new Map(stream.events.filter(({ container }) => container).map((event) => [event.container_id, event.container.image_name]));
	let known = 0;

	for (const [i, id] of ids.entries()) {
		const image = images.get(id) ?? listed.get(id)?.image_name ?? '';

		assert.ok(image === `demo/short:${i}` || image === '', `${id} has the image ${image}`);
		known += image !== '';
		for (const event of ran(id)) {
			assert.ok(event.container_name === id || event.container_name === '', `${id} is called ${event.container_name}`);
			assert.ok(event.image_name === image || event.image_name === '', `${id}: ${event.image_name}`);
		}
	}
	assert.ok(known >= 0.99 * count, `${known} of ${count} have name and image`);
	// And each life is told whole, once, in order.
	for (const id of ids)
		await expectLife(stream, id, ['created', 'running', 'exited 0', 'destroyed']);
	assert.equal(stream.lost, 0);
});
