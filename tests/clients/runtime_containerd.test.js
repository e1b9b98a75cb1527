// The lives of containerd's containers, told by the real containerd's own doings: with its socket, and by its state on disk alone.
import assert from 'node:assert/strict';
import { subscribe } from './support/client.js';
import { sleep, until } from './support/process.js';
import { Containerd, execs, expectLife, life, lifeEvents, mark, markOutside, marks, missing, told } from './support/runtimes.js';
import { startSensor } from './support/sensor.js';
import { test } from './support/test.js';

const reason = missing('containerd', 'ctr', 'runc');

test('containerd', { skip: reason, timeout: 240000 }, async (t) => {
	const containerd = await Containerd.start(t);

	await containerd.run('before', ['sleep', '1000'], '-d');
	const sensor = await startSensor(t, containerd.sensorOptions);
	const stream = await subscribe(t, sensor.address, lifeEvents());
	const digest = containerd.digest.replace('sha256:', '');

	await t.test('a container that ends by itself', async () => {
		await containerd.run('three', ['sh', '-c', 'exit 3']);
		await expectLife(stream, 'three', ['created', 'running', 'exited 3']);
		const pid = told(stream, 'three', 'RUNNING').host_pid;

		assert.ok(pid > 0);
		for (const type of ['CREATED', 'RUNNING', 'EXITED']) {
			const { name, image_id: imageId, image_name: imageName } = told(stream, 'three', type);

			assert.deepEqual([name, imageId, imageName], ['three', digest, containerd.image], type);
		}
		const exited = told(stream, 'three', 'EXITED');
		assert.deepEqual([exited.host_pid, exited.exit_code, exited.exit_status, exited.exit_signal, exited.exit_core_dumped], [pid, 3, 3, 0, false]);
		await containerd.do('containers', 'rm', 'three');
		await expectLife(stream, 'three', ['created', 'running', 'exited 3', 'destroyed']);
	});

	await t.test('one that is killed, and started again', async () => {
		await containerd.run('kill', ['sleep', '1000'], '-d');
		await containerd.do('tasks', 'kill', '-s', '9', 'kill');
		await expectLife(stream, 'kill', ['created', 'running', 'exited 137']);
		assert.equal(told(stream, 'kill', 'EXITED').exit_signal, 9);
		await containerd.try('tasks', 'rm', 'kill');
		await containerd.do('tasks', 'start', '-d', 'kill');
		await expectLife(stream, 'kill', ['created', 'running', 'exited 137', 'running']);
		await containerd.do('containers', 'label', 'kill', 'team=red');
		await expectLife(stream, 'kill', ['created', 'running', 'exited 137', 'running', 'updated']);
		await containerd.do('tasks', 'kill', '-s', '9', 'kill');
		await expectLife(stream, 'kill', ['created', 'running', 'exited 137', 'running', 'updated', 'exited 137']);
		await containerd.try('tasks', 'rm', 'kill');
		await containerd.do('containers', 'rm', 'kill');
		await expectLife(stream, 'kill', ['created', 'running', 'exited 137', 'running', 'updated', 'exited 137', 'destroyed']);
	});

	await t.test('one that nothing ever runs in, and a second one of the same name', async () => {
		await containerd.do('containers', 'create', '--snapshotter', 'native', containerd.image, 'idle', 'true');
		await containerd.do('containers', 'rm', 'idle');
		await expectLife(stream, 'idle', ['created', 'destroyed']);
		await containerd.run('idle', ['true'], '--rm');
		await expectLife(stream, 'idle', ['created', 'destroyed', 'created', 'running', 'exited 0', 'destroyed']);
	});

	await t.test('a filter takes what happens in its containers and nothing else', async (t2) => {
		const all = await subscribe(t2, sensor.address, execs);
		const named = await subscribe(t2, sensor.address, execs, { container_filter: { names: ['before'] } });
		const imaged = await subscribe(t2, sensor.address, execs, { container_filter: { image_names: ['docker.io/library/demo*'] } });

		await containerd.do('tasks', 'exec', '--exec-id', 'x1', 'before', ...mark('in-before'));
		await markOutside(t2, 'outside');
		await containerd.run('born', mark('in-born'), '--rm');
		await markOutside(t2, 'last');
		await until(() => marks(all).includes('last'), () => `the last one: ${marks(all)}`);
		await sleep(300);
		assert.deepEqual(marks(named), ['in-before']);
		assert.deepEqual(marks(imaged), ['in-before', 'in-born']);
	});

	await t.test('a sensor that is started again knows what is there, also without the socket', async (t2) => {
		await sensor.stop();
		const again = await startSensor(t2, containerd.sensorOptions.map((word) => (word === containerd.socket ? 'none' : word)));
		const lives = await subscribe(t2, again.address, lifeEvents());
		const first = await subscribe(t2, again.address, execs, { container_filter: { ids: ['before'] } }).catch(() => undefined);
		const named = await subscribe(t2, again.address, execs);

		assert.equal(first, undefined, 'ids in filters are hexadecimal');
		await containerd.do('tasks', 'exec', '--exec-id', 'x2', 'before', ...mark('again'));
		await until(() => marks(named).includes('again'), 'the first event after the restart');
		const event = named.events.find(({ process }) => process?.exec_command_line[2]?.startsWith('mark-again'));
		assert.equal(event.container_id, 'before');
		assert.deepEqual(life(lives, 'before'), []);
		await containerd.do('tasks', 'kill', '-s', '9', 'before');
		await containerd.try('tasks', 'rm', 'before');
		await containerd.do('containers', 'rm', 'before');
		await expectLife(lives, 'before', ['exited 137', 'destroyed']);
	});
});
