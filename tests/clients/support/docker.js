// Docker: a dockerd with a containerd of its own.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { cleanup } from './cleanup.js';
import { Runtime } from './runtime.js';

export class Docker extends Runtime {
	constructor(scope) {
		super(scope, ['dockerd', 'docker', 'containerd', 'runc']);
		this.imageName = 'team/shop:1';
	}

	async begin() {
		await this.prepare();
		const { site } = this;
		const data = site.path('d');
		const state = site.path('e');
		const socket = site.path('docker.sock');
		// Old ones have a key in /etc/docker.
		const old = Number(/version (\d+)/.exec(await this.version())?.[1]) < 23;

		writeFileSync(site.path('daemon.json'), JSON.stringify(old ? { 'deprecated-key-path': site.path('key.json') } : {}));
		site.addTasks(path.join(state, 'containerd/daemon'));
		this.state = state;
		this.environment = { ...site.env, DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: site.path('client'), DOCKER_CONTEXT: '' };
		this.places = {
			'docker-root': data,
			'docker-socket': socket,
			'containerd-state': path.join(state, 'containerd/daemon'),
			'containerd-socket': path.join(state, 'containerd/containerd.sock'),
			'runc-root': path.join(state, 'runtime-runc/moby'),
		};
		const child = this.daemon('dockerd', [
			...['--config-file', site.path('daemon.json'), '--data-root', data, '--exec-root', state],
			...['--host', `unix://${socket}`, '--pidfile', site.path('dockerd.pid'), '--shutdown-timeout', '1'],
			...['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false', '--userland-proxy=false'],
			...['--cgroup-parent', `/${site.key}/docker`, '--exec-opt', 'native.cgroupdriver=cgroupfs'],
		]);
		await this.ready(child, () => this.client(this.scope, 'version'));
		// The daemon would give each ten seconds to end.
		cleanup(this.scope, async () => {
			const ids = (await this.client(this.scope, 'ps', '--all', '--quiet')).split('\n').filter((id) => id);

			if (ids.length > 0)
				await this.client(this.scope, 'rm', '--force', ...ids);
		});
		this.imageId = await this.import(this.imageName);
	}

	client(t, ...words) {
		return this.call(t, 'docker', words, { env: this.environment });
	}

	// Another image of the same files; returns its id.
	async import(name) {
		// What is changed makes it another one.
		return (await this.client(this.scope, 'import', '--change', `LABEL name=${name}`, this.tar, name)).replace('sha256:', '');
	}

	async inspect(t, id) {
		return JSON.parse(await this.client(t, 'inspect', id))[0];
	}

	// `docker create`: a container that does not run.
	async create(t, name, words, { flags = [], image = this.imageName } = {}) {
		const id = await this.client(t, 'create', '--name', name, '--network', 'none', ...flags, image, ...words);
		const imageId = image === this.imageName ? this.imageId : (await this.inspect(t, id)).Image.replace('sha256:', '');

		return { id, name: `/${name}`, imageId, imageName: image, pid: 0 };
	}

	// `docker run --detach`.
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
		return this.client(t, 'rm', '--force', id);
	}
}
