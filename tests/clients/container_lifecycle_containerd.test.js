// The lives of containerd's containers: each has a task while it runs, and stays when that is deleted.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Containerd } from './support/containerd.js';
import { created, destroyed, ended, exited, killed, Lives, running } from './support/lives.js';
import { until } from './support/process.js';
import { sensorOptions, startRuntime } from './support/runtime.js';
import { startSensor } from './support/sensor.js';
import { fileScope } from './support/site.js';
import { test } from './support/test.js';

const scope = fileScope();
const containerd = await startRuntime(scope, Containerd);
const { skip } = containerd;
const lives = skip ? undefined : await Lives.watch(scope, (await startSensor(scope, sensorOptions(containerd))).address);

const forever = ['/bin/sleep', '1000'];

const isOver = async (t, { id }) => new RegExp(`^${id} +\\d+ +STOPPED`, 'm').test(await containerd.client(t, 'tasks', 'list'));
const over = (t, container) => until(() => isOver(t, container), `${container.id} has ended`, 20000, 100);

// ctr knows no limits of its own: those of whoever started containerd hold.
const mayDump = !/^Max core file size +0 /m.test(readFileSync('/proc/self/limits', 'utf8'));

test('containerd: a container that ends by itself is created, runs, exits, and is destroyed when it is deleted', { skip }, async (t) => {
	const program = ['/bin/sh', '-c', 'exit 3'];
	const web = await containerd.create(t, 'ends', program);

	await lives.expect(web, [created(web)]);
	await containerd.begins(t, web);
	await over(t, web);
	const pid = await lives.pid(web, program[0]);
	await lives.expect(web, [created(web), running(web, pid), exited(web, ended(3), pid)]);
	await containerd.removeTask(t, web).catch(() => {});
	await lives.expect(web, [created(web), running(web, pid), exited(web, ended(3), pid)]);
	await containerd.client(t, 'containers', 'delete', web.id);
	await lives.expect(web, [created(web), running(web, pid), exited(web, ended(3), pid), destroyed(web)]);
});

test('containerd: one that is killed, and one that crashes, exit each in its own way', { skip }, async (t) => {
	const shot = await containerd.run(t, 'killed', forever);
	const crash = await containerd.create(t, 'crashes', ['/bin/crash'], { flags: ['--cwd', '/tmp'] });

	await containerd.kill(t, shot);
	await over(t, shot);
	await lives.expect(shot, [created(shot), running(shot), exited(shot, killed(9))]);
	await containerd.begins(t, crash);
	await over(t, crash);
	const pid = await lives.pid(crash, '/bin/crash');
	await lives.expect(crash, [created(crash), running(crash, pid), exited(crash, killed(11, { core: mayDump }), pid)]);
});

test('containerd: a new task is another run of the same container', { skip }, async (t) => {
	const web = await containerd.run(t, 'again', forever);

	await containerd.kill(t, web);
	await over(t, web);
	await containerd.removeTask(t, web).catch(() => {});
	await containerd.begins(t, web);
	const second = await containerd.pid(t, web);
	assert.notEqual(second, web.pid);
	const runs = [created(web), running(web), exited(web, killed(9)), running(web, second)];
	await lives.expect(web, runs);
	await containerd.remove(t, web);
	await lives.expect(web, [...runs, exited(web, killed(9), second), destroyed(web)]);
});

test('containerd: one that is never started is created and destroyed', { skip }, async (t) => {
	const web = await containerd.create(t, 'never', forever);

	await containerd.remove(t, web);
	await lives.expect(web, [created(web), destroyed(web)]);
});

test('containerd: one whose program is not there never runs', { skip }, async (t) => {
	const web = await containerd.create(t, 'nothing', ['/bin/nothing']);

	await assert.rejects(containerd.begins(t, web), /no such file/);
	await lives.expect(web, [created(web)]);
	await containerd.remove(t, web);
	await lives.expect(web, [created(web), destroyed(web)]);
});

test('containerd: a pause, and programs that are executed in it, are no steps in its life', { skip }, async (t) => {
	const web = await containerd.run(t, 'paused', forever);

	await containerd.client(t, 'tasks', 'pause', web.id);
	await containerd.client(t, 'tasks', 'resume', web.id);
	await containerd.exec(t, web, ['/bin/true']);
	await lives.expect(web, [created(web), running(web)]);
});

test('containerd: the same id in another life is told of anew', { skip }, async (t) => {
	const first = await containerd.run(t, 'reused', forever);

	await containerd.remove(t, first);
	const life = [created(first), running(first), exited(first, killed(9)), destroyed(first)];
	await lives.expect(first, life);
	const second = await containerd.run(t, 'reused', forever);
	await containerd.remove(t, second);
	await lives.expect(first, [...life, created(second), running(second), exited(second, killed(9)), destroyed(second)]);
});

test('containerd: the full view has the OCI configuration of what runs, the other has none', { skip }, async (t) => {
	const web = await containerd.run(t, 'full', forever);

	await containerd.kill(t, web);
	await over(t, web);
	await containerd.remove(t, web);
	await lives.reach(web, 4);
	for (const { container } of lives.events(lives.basic, web))
		assert.deepEqual([container.docker_config_json, container.oci_config_json], ['', '']);
	const told = lives.events(lives.full, web).map(({ container }) => container);

	for (const { type, docker_config_json: docker, oci_config_json: json } of told.filter((container) => /RUNNING|EXITED/.test(container.type))) {
		assert.equal(docker, '');
		assert.ok(JSON.parse(json).linux.cgroupsPath.endsWith(`/${web.id}`), type);
	}
});

test('containerd: nothing more is told of any of them, later', { skip }, async () => {
	await lives.assertAll();
});

test('nothing is left of containerd', async () => {
	await scope.close();
});
