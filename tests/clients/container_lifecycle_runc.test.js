// The lives of containers that somebody runs with runc, without anything above it. They have no names but their ids, which need not look like ids.
import assert from 'node:assert/strict';
import { created, destroyed, ended, exited, killed, Lives, running } from './support/lives.js';
import { run, sleep, until } from './support/process.js';
import { Runc } from './support/runc.js';
import { sensorOptions, startRuntime } from './support/runtime.js';
import { startSensor } from './support/sensor.js';
import { fileScope } from './support/site.js';
import { test } from './support/test.js';

const scope = fileScope();
const runc = await startRuntime(scope, Runc);
const { skip } = runc;
const lives = skip ? undefined : await Lives.watch(scope, (await startSensor(scope, sensorOptions(runc))).address);

const forever = ['/bin/sleep', '1000'];

const status = async (t, { id }) => JSON.parse(await runc.client(t, 'state', id)).status;
const over = (t, container) => until(async () => (await status(t, container)) === 'stopped', `${container.id} has ended`, 20000, 100);

test('runc: create, start, kill and delete are the steps', { skip }, async (t) => {
	const web = await runc.create(t, 'web', forever);

	await lives.expect(web, [created(web)]);
	await runc.client(t, 'start', web.id);
	await lives.expect(web, [created(web), running(web)]);
	await runc.kill(t, web);
	await over(t, web);
	await lives.expect(web, [created(web), running(web), exited(web, killed(9))]);
	await runc.client(t, 'delete', web.id);
	await lives.expect(web, [created(web), running(web), exited(web, killed(9)), destroyed(web)]);
});

test('runc: a run to the end is a whole life', { skip }, async (t) => {
	const program = ['/bin/sh', '-c', 'exit 5'];
	const web = runc.container('whole');
	const folder = runc.bundle(web.id, program);

	await assert.rejects(run(t, runc.programs.runc, ['--root', runc.root, 'run', '--bundle', folder, web.id], { env: runc.site.env }), /exit status 5/);
	const pid = await lives.pid(web, program[0]);
	await lives.expect(web, [created(web), running(web, pid), exited(web, ended(5), pid), destroyed(web)]);
});

test('runc: one that crashes has exit code 139, signal 11 and a core dump', { skip }, async (t) => {
	const rlimits = [{ type: 'RLIMIT_CORE', hard: 1 << 20, soft: 1 << 20 }];
	const web = await runc.create(t, 'crashes', ['/bin/crash'], { rlimits });

	await runc.client(t, 'start', web.id);
	await over(t, web);
	await lives.expect(web, [created(web), running(web), exited(web, killed(11, { core: true }))]);
});

test('runc: one that is deleted while it runs exits, and then is destroyed', { skip }, async (t) => {
	const web = await runc.run(t, 'deleted', forever);

	await runc.exec(t, web, ['/bin/true']);
	await runc.remove(t, web);
	await lives.expect(web, [created(web), running(web), exited(web, killed(9)), destroyed(web)]);
});

test('runc: one that is never started is created and destroyed', { skip }, async (t) => {
	const web = await runc.create(t, 'never', forever);

	await runc.remove(t, web);
	await lives.expect(web, [created(web), destroyed(web)]);
});

test('runc: one whose program is not there never runs', { skip }, async (t) => {
	const names = ['nothing-1', 'nothing-2', 'nothing-3'];

	for (const name of names)
		await assert.rejects(runc.create(t, name, ['/bin/nothing']));
	await sleep(1500);
	for (const web of names.map((name) => runc.container(name))) {
		const told = lives.lines(web);

		// runc has had a state of it for some milliseconds.
		assert.deepEqual(told, told.length > 0 ? [created(web), destroyed(web)] : []);
	}
});

test('runc: the same id in another life is told of anew', { skip }, async (t) => {
	const life = (container) => [created(container), running(container), exited(container, killed(9)), destroyed(container)];
	const first = await runc.run(t, 'reused', forever);

	await runc.remove(t, first);
	await lives.expect(first, life(first));
	const image = 'registry.example/other:2';
	await runc.silent(t, 'run', '--detach', '--bundle', runc.bundle(`${first.id}-2`, forever, { image }), first.id);
	const second = { ...first, imageName: image, pid: await runc.pid(t, first) };
	await runc.remove(t, second);
	await lives.expect(first, [...life(first), ...life(second)]);
});

test('runc: the full view has the OCI configuration, the other has none', { skip }, async (t) => {
	const web = await runc.run(t, 'full', forever);

	await runc.remove(t, web);
	await lives.reach(web, 4);
	for (const { container } of lives.events(lives.basic, web))
		assert.deepEqual([container.docker_config_json, container.oci_config_json], ['', '']);
	for (const { container } of lives.events(lives.full, web)) {
		assert.equal(container.docker_config_json, '');
		assert.deepEqual(JSON.parse(container.oci_config_json).process.args, forever, container.type);
	}
});

test('runc: nothing more is told of any of them, later', { skip }, async () => {
	await lives.assertAll();
});

test('nothing is left of runc', async () => {
	await scope.close();
});
