// Podman, which has no daemon.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cleanup } from './cleanup.js';
import { Runtime } from './runtime.js';

// Podman asks for a million of each when it is not told, which not every root may; its own limit of processes is as many as there are pids.
function ulimits() {
	const limits = readFileSync('/proc/self/limits', 'utf8');
	const number = (text) => (text === 'unlimited' ? Infinity : Number(text));
	const hard = (what) => number(new RegExp(`^${what} +\\S+ +(\\S+)`, 'm').exec(limits)[1]);
	const pids = Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8'));
	const most = { nofile: Math.min(hard('Max open files'), 1048576), nproc: Math.min(hard('Max processes'), pids) };

	return Object.entries(most).flatMap(([name, limit]) => ['--ulimit', `${name}=${limit}:${limit}`]);
}

export class Podman extends Runtime {
	constructor(scope) {
		super(scope, ['podman', 'conmon', 'runc']);
		this.imageName = 'localhost/team/shop:1';
	}

	async begin() {
		await this.prepare();
		const { site } = this;
		const engine = { lock_type: 'file', events_logger: 'file', cgroup_manager: 'cgroupfs' };
		const lines = Object.entries(engine).map(([key, value]) => `${key} = "${value}"`);

		mkdirSync(site.path('net'));
		writeFileSync(site.path('podman.conf'), `[engine]\n${lines.join('\n')}\n[network]\nnetwork_config_dir = "${site.path('net')}"\n`);
		// What cleans up after a container is called with the runtime, but not with its flags.
		writeFileSync(site.path('runtime'), `#!/bin/sh\nexec ${this.programs.runc} --root ${site.path('runc')} "$@"\n`, { mode: 0o755 });
		this.environment = { ...site.env, CONTAINERS_CONF: site.path('podman.conf') };
		this.flags = [
			...['--runtime', site.path('runtime'), '--cgroup-manager', 'cgroupfs'],
			...['--storage-driver', 'vfs', '--root', site.path('s'), '--runroot', site.path('r'), '--tmpdir', site.path('t')],
		];
		this.limits = ulimits();
		this.places = { 'podman-root': site.path('s'), 'runc-root': site.path('runc') };
		cleanup(this.scope, () => this.client(this.scope, 'rm', '--all', '--force', '--time', '0'));
		this.imageId = await this.import(this.imageName);
	}

	client(t, ...words) {
		return this.call(t, 'podman', [...this.flags, ...words], { env: this.environment });
	}

	async import(name) {
		return (await this.client(this.scope, 'import', '--quiet', '--change', `LABEL name=${name}`, this.tar, name)).replace('sha256:', '');
	}

	async inspect(t, id) {
		return JSON.parse(await this.client(t, 'inspect', id))[0];
	}

	// What `podman create` and `podman run` need.
	words(flags = []) {
		return ['--network', 'none', '--cgroup-parent', `/${this.site.key}/podman`, ...this.limits, ...flags];
	}

	async create(t, name, words, { flags, image = this.imageName } = {}) {
		const id = await this.client(t, 'create', '--name', name, ...this.words(flags), image, ...words);
		const imageId = image === this.imageName ? this.imageId : (await this.inspect(t, id)).Image;

		return { id, name, imageId, imageName: image, pid: 0 };
	}

	async run(t, name, words, options) {
		const container = await this.create(t, name, words, options);

		await this.begins(t, container);
		return { ...container, pid: await this.pid(t, container) };
	}

	begins(t, { id }) {
		return this.client(t, 'start', id);
	}

	async pid(t, { id }) {
		return (await this.inspect(t, id)).State.Pid;
	}

	remove(t, { id }) {
		return this.client(t, 'rm', '--force', '--time', '0', id);
	}
}
