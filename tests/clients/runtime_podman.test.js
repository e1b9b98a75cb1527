// The lives of Podman's containers, told by the real podman's own doings.
import assert from 'node:assert/strict';
import { subscribe } from './support/client.js';
import { sleep, until } from './support/process.js';
import { execs, expectLife, life, lifeEvents, mark, markOutside, marks, missing, Podman, told } from './support/runtimes.js';
import { startSensor } from './support/sensor.js';
import { test } from './support/test.js';

const reason = missing('podman', 'conmon', 'runc');

test('podman', { skip: reason, timeout: 240000 }, async (t) => {
	const podman = await Podman.start(t);

	await podman.run('before', ['sleep', '1000'], '-d');
	const before = await podman.id('before');
	const sensor = await startSensor(t, podman.sensorOptions);
	const stream = await subscribe(t, sensor.address, lifeEvents());
	const imageId = await podman.do('image', 'inspect', '-f', '{{.Id}}', podman.image);

	await t.test('a container that ends by itself', async () => {
		await podman.run('three', ['sh', '-c', 'exit 3']);
		const id = await podman.id('three');

		await expectLife(stream, id, ['created', 'running', 'exited 3']);
		const pid = told(stream, id, 'RUNNING').host_pid;
		assert.ok(pid > 0);
		for (const type of ['CREATED', 'RUNNING', 'EXITED']) {
			const { name, image_id: ownImageId, image_name: imageName } = told(stream, id, type);

			assert.deepEqual([name, ownImageId, imageName], ['three', imageId, podman.image], type);
		}
		const exited = told(stream, id, 'EXITED');
		assert.deepEqual([exited.host_pid, exited.exit_code, exited.exit_status, exited.exit_signal], [pid, 3, 3, 0]);
		await podman.do('rm', 'three');
		await expectLife(stream, id, ['created', 'running', 'exited 3', 'destroyed']);
	});

	await t.test('stop, kill, rename, restart', async () => {
		await podman.run('one', ['sh', '-c', 'trap "exit 7" TERM; while true; do sleep 0.05; done'], '-d');
		const id = await podman.id('one');

		await sleep(200);
		await podman.do('stop', '-t', '10', 'one');
		await expectLife(stream, id, ['created', 'running', 'exited 7']);
		await podman.do('rename', 'one', 'two');
		await expectLife(stream, id, ['created', 'running', 'exited 7', 'updated']);
		assert.equal(told(stream, id, 'UPDATED').name, 'two');
		await podman.do('start', 'two');
		await expectLife(stream, id, ['created', 'running', 'exited 7', 'updated', 'running']);
		await podman.do('restart', '-t', '0', 'two');
		await expectLife(stream, id, ['created', 'running', 'exited 7', 'updated', 'running', 'exited 137', 'running']);
		await podman.do('kill', 'two');
		await podman.do('wait', 'two');
		await podman.do('rm', 'two');
		await expectLife(stream, id, ['created', 'running', 'exited 7', 'updated', 'running', 'exited 137', 'running', 'exited 137', 'destroyed']);
	});

	await t.test('one that is never started, and one that is gone with its end', async () => {
		const id = await podman.do('create', '--network', 'none', '--name', 'idle', podman.image, 'true');

		await podman.do('rm', 'idle');
		await expectLife(stream, id, ['created', 'destroyed']);
		await podman.run('short', ['true'], '--rm');
		await until(() => stream.events.some(({ container }) => container?.name === 'short' && /DESTROYED/.test(container.type)), 'its end');
		const short = stream.events.find(({ container }) => container?.name === 'short').container_id;
		await expectLife(stream, short, ['created', 'running', 'exited 0', 'destroyed']);
	});

	await t.test('a filter takes what happens in its containers and nothing else', async (t2) => {
		const all = await subscribe(t2, sensor.address, execs);
		const byId = await subscribe(t2, sensor.address, execs, { container_filter: { ids: [before.slice(0, 12)] } });
		const byName = await subscribe(t2, sensor.address, execs, { container_filter: { names: ['born'] } });
		const byImage = await subscribe(t2, sensor.address, execs, { container_filter: { image_names: ['localhost/demo*'] } });

		await podman.do('exec', 'before', ...mark('in-before'));
		await markOutside(t2, 'outside');
		await podman.run('born', mark('in-born'), '--rm');
		await markOutside(t2, 'last');
		await until(() => marks(all).includes('last'), () => `the last one: ${marks(all)}`);
		await sleep(300);
		assert.deepEqual(marks(byId), ['in-before'], JSON.stringify(all.events.filter(({ process }) => process?.exec_command_line.join(' ').includes('mark-in-before'))));
		assert.deepEqual(marks(byName), ['in-born']);
		assert.deepEqual(marks(byImage), ['in-before', 'in-born']);
	});

	await t.test('a sensor that is started again knows what is there, and tells only what is new', async (t2) => {
		await sensor.kill();
		const again = await startSensor(t2, podman.sensorOptions);
		const lives = await subscribe(t2, again.address, lifeEvents());
		const first = await subscribe(t2, again.address, execs, { container_filter: { names: ['before'] } });

		await podman.do('exec', 'before', ...mark('again'));
		await until(() => marks(first).includes('again'), 'the first event after the restart');
		const event = first.events.find(({ process }) => process?.exec_command_line[2]?.startsWith('mark-again'));
		assert.deepEqual([event.container_id, event.container_name, event.image_id, event.image_name], [before, 'before', imageId, podman.image]);
		assert.deepEqual(life(lives, before), []);
		await podman.do('rm', '-f', '-t', '0', 'before');
		await expectLife(lives, before, ['exited 137', 'destroyed']);
	});
});
