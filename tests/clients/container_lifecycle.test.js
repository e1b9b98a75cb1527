// The lives of Docker's containers, by the real one.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { Docker } from './support/docker.js';
import { created, destroyed, ended, exited, killed, Lives, running, updated } from './support/lives.js';
import { until } from './support/process.js';
import { sensorOptions, startRuntime } from './support/runtime.js';
import { startSensor } from './support/sensor.js';
import { fileScope } from './support/site.js';
import { test } from './support/test.js';

const scope = fileScope();
const docker = await startRuntime(scope, Docker);
const { skip } = docker;
const lives = skip ? undefined : await Lives.watch(scope, (await startSensor(scope, sensorOptions(docker))).address);

const forever = ['/bin/sleep', '1000'];
// One that ends as it is told when it gets a TERM: the first process of a container does not otherwise.
const obedient = (status) => ['/bin/sh', '-c', `trap "exit ${status}" TERM; while :; do sleep 0.1; done`];

const isOver = async (t, container) => !(await docker.inspect(t, container.id)).State.Running;
const over = (t, container) => until(() => isOver(t, container), `${container.name} has ended`, 20000, 100);

test('Docker: a container that ends by itself is created, runs, exits, and is destroyed when it is removed', { skip }, async (t) => {
	const web = await docker.create(t, 'ends', ['/bin/true']);

	await docker.client(t, 'start', web.id);
	await over(t, web);
	const pid = await lives.pid(web, '/bin/true');
	await lives.expect(web, [created(web), running(web, pid), exited(web, ended(0), pid)]);
	await docker.client(t, 'rm', web.id);
	await lives.expect(web, [created(web), running(web, pid), exited(web, ended(0), pid), destroyed(web)]);
});

test('Docker: the exit status is told', { skip }, async (t) => {
	const program = ['/bin/sh', '-c', 'exit 3'];
	const web = await docker.create(t, 'three', program);

	await docker.client(t, 'start', web.id);
	await over(t, web);
	const pid = await lives.pid(web, program[0]);
	assert.equal((await docker.inspect(t, web.id)).State.ExitCode, 3);
	await lives.expect(web, [created(web), running(web, pid), exited(web, ended(3), pid)]);
});

test('Docker: a container that is stopped exits in its own way', { skip }, async (t) => {
	const web = await docker.run(t, 'stopped', obedient(7));

	await docker.client(t, 'stop', web.id);
	await lives.expect(web, [created(web), running(web), exited(web, ended(7))]);
});

test('Docker: one that is killed has exit code 137 and signal 9', { skip }, async (t) => {
	const web = await docker.run(t, 'killed', forever);

	await docker.kill(t, web);
	await over(t, web);
	assert.equal((await docker.inspect(t, web.id)).State.ExitCode, 137);
	await lives.expect(web, [created(web), running(web), exited(web, killed(9))]);
});

const noMemory = skip ?? (existsSync('/sys/fs/cgroup/memory') || /\bmemory\b/.test(readFileSync('/proc/cgroups', 'utf8')) ? undefined : 'no memory controller');

test('Docker: one that takes too much memory is told to have been killed for it', { skip: noMemory }, async (t) => {
	const greedy = ['/bin/tail', '-c', '100m', '/dev/zero'];
	const web = await docker.create(t, 'greedy', greedy, { flags: ['--memory', '16m'] });

	await docker.client(t, 'start', web.id);
	// Docker itself does not always notice.
	await over(t, web);
	const pid = await lives.pid(web, greedy[0]);
	await lives.expect(web, [created(web), running(web, pid), exited(web, killed(9, { oom: true }), pid)]);
});

test('Docker: so is one in which a program is killed for it, and the first process goes on', { skip: noMemory }, async (t) => {
	const program = ['/bin/sh', '-c', '/bin/tail -c 100m /dev/zero; exit 5'];
	const web = await docker.create(t, 'careful', program, { flags: ['--memory', '16m'] });

	await docker.client(t, 'start', web.id);
	await over(t, web);
	const pid = await lives.pid(web, program[0]);
	await lives.expect(web, [created(web), running(web, pid), exited(web, { ...ended(5), oom: true }, pid)]);
});

test('Docker: one that crashes has exit code 139, signal 11 and a core dump', { skip }, async (t) => {
	const web = await docker.create(t, 'crashes', ['/bin/crash'], { flags: ['--ulimit', 'core=-1', '--workdir', '/tmp'] });

	await docker.client(t, 'start', web.id);
	await over(t, web);
	assert.equal((await docker.inspect(t, web.id)).State.ExitCode, 139);
	assert.match(await docker.client(t, 'diff', web.id), /^A \/tmp\/core/m);
	const pid = await lives.pid(web, '/bin/crash');
	await lives.expect(web, [created(web), running(web, pid), exited(web, killed(11, { core: true }), pid)]);
});

test('Docker: one that is removed while it runs exits, and then is destroyed', { skip }, async (t) => {
	const web = await docker.run(t, 'removed', forever);

	await docker.remove(t, web);
	await lives.expect(web, [created(web), running(web), exited(web, killed(9)), destroyed(web)]);
});

test('Docker: a new name, and new limits, are an update each', { skip }, async (t) => {
	const web = await docker.run(t, 'renamed', forever);
	const shop = { ...web, name: '/other-name' };

	await docker.client(t, 'rename', 'renamed', 'other-name');
	await lives.expect(web, [created(web), running(web), updated(shop)]);
	await docker.client(t, 'update', '--cpu-shares', '512', web.id);
	await lives.expect(web, [created(web), running(web), updated(shop), updated(shop)]);
	await docker.remove(t, web);
	await lives.expect(web, [created(web), running(web), updated(shop), updated(shop), exited(shop, killed(9)), destroyed(shop)]);
});

test('Docker: a pause, and programs that are executed in it, are no steps in its life', { skip }, async (t) => {
	const web = await docker.run(t, 'paused', forever);

	await docker.client(t, 'pause', web.id);
	await docker.client(t, 'unpause', web.id);
	await docker.exec(t, web, ['/bin/true']);
	await lives.expect(web, [created(web), running(web)]);
	await docker.kill(t, web);
	await lives.expect(web, [created(web), running(web), exited(web, killed(9))]);
});

test('Docker: each run is told of, with its own first process', { skip }, async (t) => {
	const web = await docker.run(t, 'again', obedient(0));

	await docker.client(t, 'restart', web.id);
	const second = await docker.pid(t, web);
	assert.notEqual(second, web.pid);
	const runs = [created(web), running(web), exited(web, ended(0)), running(web, second)];
	await lives.expect(web, runs);
	await docker.kill(t, web);
	await over(t, web);
	await docker.client(t, 'start', web.id);
	const third = await docker.pid(t, web);
	await lives.expect(web, [...runs, exited(web, killed(9), second), running(web, third)]);
});

test('Docker: what it starts again by itself is told of each time', { skip }, async (t) => {
	const program = ['/bin/sh', '-c', 'exit 1'];
	const web = await docker.create(t, 'unlucky', program, { flags: ['--restart', 'on-failure:2'] });

	await docker.client(t, 'start', web.id);
	await until(() => lives.pids(web, program[0]).length === 3, 'it has been started three times', 20000);
	const pids = lives.pids(web, program[0]);
	await lives.expect(web, [created(web), ...pids.flatMap((pid) => [running(web, pid), exited(web, ended(1), pid)])]);
});

test('Docker: one that is never started is created and destroyed', { skip }, async (t) => {
	const web = await docker.create(t, 'never', forever);

	await lives.expect(web, [created(web)]);
	await docker.remove(t, web);
	await lives.expect(web, [created(web), destroyed(web)]);
});

test('Docker: one whose program is not there never runs', { skip }, async (t) => {
	const web = await docker.create(t, 'nothing', ['/bin/nothing']);

	await assert.rejects(docker.client(t, 'start', web.id), /no such file/);
	await lives.expect(web, [created(web)]);
	await docker.remove(t, web);
	await lives.expect(web, [created(web), destroyed(web)]);
});

test('Docker: one that removes itself has a whole life', { skip }, async (t) => {
	const program = ['/bin/sh', '-c', 'exit 4'];
	const web = await docker.create(t, 'fleeting', program, { flags: ['--rm'] });

	await docker.client(t, 'start', web.id);
	const pid = await lives.pid(web, program[0]);
	await lives.expect(web, [created(web), running(web, pid), exited(web, ended(4), pid), destroyed(web)]);
});

test('Docker: a name that is used again is another container', { skip }, async (t) => {
	const first = await docker.run(t, 'reused', forever);

	await docker.remove(t, first);
	const second = await docker.run(t, 'reused', forever);
	await docker.remove(t, second);
	for (const web of [first, second])
		await lives.expect(web, [created(web), running(web), exited(web, killed(9)), destroyed(web)]);
});

test('Docker: the full view has its files, which are about the container; the other has none', { skip }, async (t) => {
	const web = await docker.run(t, 'full', forever);

	await docker.kill(t, web);
	await docker.remove(t, web);
	await lives.reach(web, 4);
	for (const { container } of lives.events(lives.basic, web))
		assert.deepEqual([container.docker_config_json, container.oci_config_json], ['', '']);
	const told = lives.events(lives.full, web).map(({ container }) => container);

	for (const { docker_config_json: json } of told)
		assert.deepEqual([JSON.parse(json).ID, JSON.parse(json).Name], [web.id, web.name]);
	// It is written when the container is started.
	for (const { type, oci_config_json: json } of told.filter((container) => /RUNNING|EXITED/.test(container.type)))
		assert.ok(JSON.parse(json).linux.cgroupsPath.endsWith(`/${web.id}`), type);
});

test('Docker: nothing more is told of any of them, later', { skip }, async () => {
	await lives.assertAll();
});

test('nothing is left of Docker', async () => {
	await scope.close();
});
