// The lives of Docker's containers, told by the real dockerd's own doings.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { subscribe } from './support/client.js';
import { sleep, until } from './support/process.js';
import { Docker, execs, expectLife, image, life, lifeEvents, mark, markOutside, marks, missing, told } from './support/runtimes.js';
import { startSensor } from './support/sensor.js';
import { test } from './support/test.js';

const reason = missing('dockerd', 'docker', 'containerd', 'runc');
test('docker', { skip: reason, timeout: 300000 }, async (t) => {
	const docker = await Docker.start(t);

	await docker.run('before', ['sleep', '1000'], '-d');
	const before = await docker.id('before');
	const sensor = await startSensor(t, docker.sensorOptions);
	const stream = await subscribe(t, sensor.address, lifeEvents());
	const imageId = (await docker.do('image', 'inspect', '-f', '{{.Id}}', image)).replace('sha256:', '');

	await t.test('a container that ends by itself', async () => {
		await docker.run('three', ['sh', '-c', 'exit 3']);
		const id = await docker.id('three');

		await expectLife(stream, id, ['created', 'running', 'exited 3']);
		const pid = told(stream, id, 'RUNNING').host_pid;
		assert.ok(pid > 0);
		for (const type of ['CREATED', 'RUNNING', 'EXITED']) {
			const { name, image_id: ownImageId, image_name: imageName, docker_config_json: config } = told(stream, id, type);

			assert.deepEqual({ name, ownImageId, imageName, config }, { name: '/three', ownImageId: imageId, imageName: image, config: '' }, type);
		}
		const exited = told(stream, id, 'EXITED');
		assert.deepEqual([exited.host_pid, exited.exit_code, exited.exit_status, exited.exit_signal, exited.exit_core_dumped], [pid, 3, 3, 0, false]);
		await docker.do('rm', 'three');
		await expectLife(stream, id, ['created', 'running', 'exited 3', 'destroyed']);
	});

	await t.test('the first process is the one that Docker says it is', async () => {
		await docker.run('pid', ['sleep', '1000'], '-d');
		const { Id: id, State: state } = await docker.inspect('pid');

		await expectLife(stream, id, ['created', 'running']);
		assert.equal(told(stream, id, 'RUNNING').host_pid, state.Pid);
		await docker.do('rm', '-f', 'pid');
		await expectLife(stream, id, ['created', 'running', 'exited 137', 'destroyed']);
	});

	await t.test('stop, kill and restart', async () => {
		await docker.run('stop', ['sh', '-c', 'trap "exit 7" TERM; while true; do sleep 0.05; done'], '-d');
		await docker.run('kill', ['sleep', '1000'], '-d');
		const [stopped, killed] = [await docker.id('stop'), await docker.id('kill')];

		await sleep(200);
		await docker.do('stop', '-t', '10', 'stop');
		await docker.do('kill', 'kill');
		await expectLife(stream, stopped, ['created', 'running', 'exited 7']);
		await expectLife(stream, killed, ['created', 'running', 'exited 137']);
		const exited = told(stream, killed, 'EXITED');
		assert.deepEqual([exited.exit_status, exited.exit_signal, exited.exit_core_dumped], [0, 9, false]);
		await docker.do('start', 'kill');
		await docker.do('restart', '-t', '0', 'kill');
		await docker.do('rm', '-f', 'stop', 'kill');
		await expectLife(stream, stopped, ['created', 'running', 'exited 7', 'destroyed']);
		await expectLife(stream, killed,
			['created', 'running', 'exited 137', 'running', 'exited 137', 'running', 'exited 137', 'destroyed']);
	});

	await t.test('one that dumps core', async () => {
		// In a pid namespace of its own the first process does not get signals that it sends itself.
		await docker.run('core', ['sh', '-c', 'kill -SEGV $$'], '--pid', 'host', '--ulimit', 'core=-1:-1');
		const id = await docker.id('core');
		const dumps = !/^\|?\s*$/.test(readFileSync('/proc/sys/kernel/core_pattern', 'utf8'));

		await expectLife(stream, id, ['created', 'running', 'exited 139']);
		const exited = told(stream, id, 'EXITED');
		assert.deepEqual([exited.exit_status, exited.exit_signal, exited.exit_core_dumped], [0, 11, dumps]);
		await docker.do('rm', 'core');
		await expectLife(stream, id, ['created', 'running', 'exited 139', 'destroyed']);
	});

	await t.test('one that has no memory left', async (t2) => {
		const { code, err } = await docker.run('oom', ['sh', '-c', 'tail /dev/zero; exit 5'], '--memory', '8m', '--memory-swap', '8m');

		if (/memory limit/i.test(err))
			return t2.skip(`this host's cgroups do not limit memory: ${err.trim()}`);
		const id = await docker.id('oom');
		const { State: state } = await docker.inspect('oom');

		assert.equal(code, state.ExitCode);
		await expectLife(stream, id, ['created', 'running', `exited ${code}`]);
		assert.equal(told(stream, id, 'EXITED').oom_killed, true);
		await docker.do('rm', 'oom');
		await expectLife(stream, id, ['created', 'running', `exited ${code}`, 'destroyed']);
	});

	await t.test('one that is never started, and one that cannot be', async () => {
		const id = await docker.do('create', '--network', 'none', '--name', 'idle', image, 'true');

		await docker.run('impossible', ['/no/such/program']);
		const impossible = await docker.id('impossible');
		await docker.do('rm', 'idle', 'impossible');
		await expectLife(stream, id, ['created', 'destroyed']);
		await expectLife(stream, impossible, ['created', 'destroyed']);
	});

	await t.test('one that is renamed, and gets other limits, and is paused', async () => {
		await docker.run('old', ['sleep', '1000'], '-d', '--cpu-shares', '512');
		const id = await docker.id('old');

		await docker.do('rename', 'old', 'new');
		await expectLife(stream, id, ['created', 'running', 'updated']);
		assert.equal(told(stream, id, 'UPDATED').name, '/new');
		await docker.do('update', '--cpu-shares', '256', 'new');
		await expectLife(stream, id, ['created', 'running', 'updated', 'updated']);
		await docker.do('pause', 'new');
		await docker.do('unpause', 'new');
		await docker.do('rm', '-f', 'new');
		await expectLife(stream, id, ['created', 'running', 'updated', 'updated', 'exited 137', 'destroyed']);
	});

	await t.test('the view FULL has the files', async (t2) => {
		const full = await subscribe(t2, sensor.address, lifeEvents('FULL'));

		await docker.run('full', ['sleep', '1000'], '-d', '--label', 'team=red');
		const id = await docker.id('full');
		await expectLife(full, id, ['created', 'running']);
		const { docker_config_json: config, oci_config_json: oci } = told(full, id, 'RUNNING');
		assert.equal(JSON.parse(config).ID, id);
		assert.equal(JSON.parse(config).Config.Labels.team, 'red');
		assert.deepEqual(JSON.parse(oci).process.args, ['sleep', '1000']);
		assert.equal(JSON.parse(told(full, id, 'CREATED').docker_config_json).ID, id);
		assert.equal(told(stream, id, 'RUNNING').docker_config_json, '');
		await docker.do('rm', '-f', 'full');
		await expectLife(full, id, ['created', 'running', 'exited 137', 'destroyed']);
	});

	await t.test('a filter takes what happens in its containers and nothing else', async (t2) => {
		await docker.run('after', ['sleep', '1000'], '-d');
		const after = await docker.id('after');
		const all = await subscribe(t2, sensor.address, execs);
		const filters = {
			'ids before': [{ ids: [before.slice(0, 12)] }, ['in-before']],
			'names after': [{ names: ['/after'] }, ['in-after']],
			'names without slash': [{ names: ['after'] }, ['in-after']],
			'image id': [{ image_ids: [imageId.slice(0, 16)] }, ['in-before', 'in-after']],
			'image glob': [{ image_names: ['de*:1'] }, ['in-before', 'in-after']],
			'another image': [{ image_names: ['nginx*'] }, []],
		};
		const streams = {};

		for (const [name, [filter]] of Object.entries(filters))
			streams[name] = await subscribe(t2, sensor.address, execs, { container_filter: filter });
		const born = await subscribe(t2, sensor.address, execs, { container_filter: { names: ['born'] } });
		await docker.do('exec', 'before', ...mark('in-before'));
		await docker.do('exec', 'after', ...mark('in-after'));
		await markOutside(t2, 'outside');
		await docker.run('born', mark('in-born'));
		await markOutside(t2, 'last');
		await until(() => marks(all).includes('last'), () => `the last one: ${marks(all)}`);
		await sleep(300);
		for (const [name, [, expected]] of Object.entries(filters))
			assert.deepEqual(marks(streams[name]).filter((found) => found !== 'in-born'), expected, name);
		assert.deepEqual(marks(streams['image glob']), ['in-before', 'in-after', 'in-born']);
		assert.deepEqual(marks(born), ['in-born'], 'one whose filter was there before it');
		// The runtime's own programs that run in the container's cgroup before it is one are nobody's business to count; the container's are.
		assert.ok(born.events.every(({ container_id: id, container_name: name }) => id && name === '/born'));
		await docker.do('rm', '-f', 'after', 'born');
	});

	await t.test('a sensor that is started again knows what is there, and tells only what is new', async (t2) => {
		await sensor.kill();
		for (const how of ['SIGTERM', 'SIGKILL']) {
			const again = await startSensor(t2, docker.sensorOptions);
			const lives = await subscribe(t2, again.address, lifeEvents());
			const first = await subscribe(t2, again.address, execs, { container_filter: { names: ['before'] } });

			await docker.do('exec', 'before', ...mark(how));
			await until(() => marks(first).includes(how), 'the first event after the restart');
			const event = first.events.find(({ process }) => process?.exec_command_line[2]?.startsWith(`mark-${how}`));
			assert.deepEqual([event.container_id, event.container_name, event.image_id, event.image_name], [before, '/before', imageId, image]);
			assert.deepEqual(life(lives, before), []);
			if (how === 'SIGKILL')
				await again.kill();
			else
				await again.stop();
		}
		const last = await startSensor(t2, docker.sensorOptions);
		const lives = await subscribe(t2, last.address, lifeEvents());

		await docker.do('rm', '-f', 'before');
		await expectLife(lives, before, ['exited 137', 'destroyed']);
	});
});
