// The lives of Podman's containers, by the real one.
import assert from 'node:assert/strict';
import { created, destroyed, ended, exited, killed, Lives, running, updated } from './support/lives.js';
import { Podman } from './support/podman.js';
import { until } from './support/process.js';
import { sensorOptions, startRuntime } from './support/runtime.js';
import { startSensor } from './support/sensor.js';
import { fileScope } from './support/site.js';
import { test } from './support/test.js';

const scope = fileScope();
const podman = await startRuntime(scope, Podman);
const { skip } = podman;
const lives = skip ? undefined : await Lives.watch(scope, (await startSensor(scope, sensorOptions(podman))).address);

const forever = ['/bin/sleep', '1000'];
const obedient = (status) => ['/bin/sh', '-c', `trap "exit ${status}" TERM; while :; do sleep 0.1; done`];

// Waits for its end, and returns the exit code that Podman tells.
async function exitCode(t, container) {
	await until(async () => (await podman.inspect(t, container.id)).State.Status === 'exited', `${container.name} has ended`, 20000, 100);
	return (await podman.inspect(t, container.id)).State.ExitCode;
}

test('Podman: a container is created, runs, exits, and is destroyed when it is removed', { skip }, async (t) => {
	const program = ['/bin/sh', '-c', 'exit 3'];
	const web = await podman.create(t, 'ends', program);

	await podman.client(t, 'start', web.id);
	assert.equal(await exitCode(t, web), 3);
	const pid = await lives.pid(web, program[0]);
	await lives.expect(web, [created(web), running(web, pid), exited(web, ended(3), pid)]);
	await podman.client(t, 'rm', web.id);
	await lives.expect(web, [created(web), running(web, pid), exited(web, ended(3), pid), destroyed(web)]);
});

test('Podman: one that is stopped, one that is killed and one that crashes exit each in its own way', { skip }, async (t) => {
	const stopped = await podman.run(t, 'stopped', obedient(7));
	const shot = await podman.run(t, 'killed', forever);
	const crash = await podman.create(t, 'crashes', ['/bin/crash'], { flags: ['--ulimit', 'core=-1', '--workdir', '/tmp'] });

	await podman.client(t, 'stop', stopped.id);
	assert.equal(await exitCode(t, stopped), 7);
	await lives.expect(stopped, [created(stopped), running(stopped), exited(stopped, ended(7))]);
	await podman.kill(t, shot);
	assert.equal(await exitCode(t, shot), 137);
	await lives.expect(shot, [created(shot), running(shot), exited(shot, killed(9))]);
	await podman.client(t, 'start', crash.id);
	assert.equal(await exitCode(t, crash), 139);
	const pid = await lives.pid(crash, '/bin/crash');
	await lives.expect(crash, [created(crash), running(crash, pid), exited(crash, killed(11, { core: true }), pid)]);
});

test('Podman: one that is removed while it runs exits, and then is destroyed', { skip }, async (t) => {
	const web = await podman.run(t, 'removed', forever);

	await podman.remove(t, web);
	await lives.expect(web, [created(web), running(web), exited(web, killed(9)), destroyed(web)]);
});

test('Podman: a new name is an update, a program that is executed in it is none', { skip }, async (t) => {
	const web = await podman.run(t, 'renamed', forever);
	const shop = { ...web, name: 'other-name' };

	await podman.exec(t, web, ['/bin/true']);
	await podman.client(t, 'rename', 'renamed', 'other-name');
	await lives.expect(web, [created(web), running(web), updated(shop)]);
	await podman.remove(t, web);
	await lives.expect(web, [created(web), running(web), updated(shop), exited(shop, killed(9)), destroyed(shop)]);
});

test('Podman: each run is told of, with its own first process', { skip }, async (t) => {
	const web = await podman.run(t, 'again', obedient(0));

	await podman.client(t, 'restart', web.id);
	const second = await podman.pid(t, web);
	assert.notEqual(second, web.pid);
	await lives.expect(web, [created(web), running(web), exited(web, ended(0)), running(web, second)]);
});

test('Podman: one that is never started, and one whose program is not there, never run', { skip }, async (t) => {
	const never = await podman.create(t, 'never', forever);
	const nothing = await podman.create(t, 'nothing', ['/bin/nothing']);

	await assert.rejects(podman.client(t, 'start', nothing.id), /no such file/i);
	for (const web of [never, nothing]) {
		await lives.expect(web, [created(web)]);
		await podman.remove(t, web);
		await lives.expect(web, [created(web), destroyed(web)]);
	}
});

test('Podman: one that removes itself has a whole life', { skip }, async (t) => {
	const program = ['/bin/sh', '-c', 'exit 4'];
	const web = await podman.create(t, 'fleeting', program, { flags: ['--rm'] });

	await podman.client(t, 'start', web.id);
	const pid = await lives.pid(web, program[0]);
	await lives.expect(web, [created(web), running(web, pid), exited(web, ended(4), pid), destroyed(web)]);
});

test('Podman: the full view has the OCI configuration of what runs, the other has none', { skip }, async (t) => {
	const web = await podman.run(t, 'full', forever);

	await podman.kill(t, web);
	assert.equal(await exitCode(t, web), 137);
	await podman.remove(t, web);
	await lives.reach(web, 4);
	for (const { container } of lives.events(lives.basic, web))
		assert.deepEqual([container.docker_config_json, container.oci_config_json], ['', '']);
	const told = lives.events(lives.full, web).map(({ container }) => container);

	for (const { type, docker_config_json: docker, oci_config_json: json } of told.filter((container) => /RUNNING|EXITED/.test(container.type))) {
		assert.equal(docker, '');
		assert.ok(JSON.parse(json).linux.cgroupsPath.endsWith(`/libpod-${web.id}`), type);
	}
});

test('Podman: nothing more is told of any of them, later', { skip }, async () => {
	await lives.assertAll();
});

test('nothing is left of Podman', async () => {
	await scope.close();
});
