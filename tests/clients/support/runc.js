// runc by itself. It knows no images; an annotation that others use may say what a bundle was made from.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cleanup } from './cleanup.js';
import { Runtime } from './runtime.js';

export class Runc extends Runtime {
	constructor(scope) {
		super(scope, ['runc']);
		this.imageName = 'registry.example/team/shop:1';
	}

	async begin() {
		await this.prepare();
		this.root = this.site.path('runc');
		this.places = { 'runc-root': this.root };
		cleanup(this.scope, async () => {
			for (const { id } of JSON.parse(await this.client(this.scope, 'list', '--format', 'json')) ?? [])
				await this.remove(this.scope, { id });
		});
	}

	client(t, ...words) {
		return this.call(t, 'runc', ['--root', this.root, ...words]);
	}

	begins(t, { id }) {
		return this.client(t, 'start', id);
	}

	// For what leaves a container behind, which would keep our pipes open.
	silent(t, ...words) {
		return this.call(t, 'runc', ['--root', this.root, ...words], { stdio: 'ignore' });
	}

	// Writes a bundle for a container that is called `id`; its cgroup is the one that runc chooses, "/ID".
	bundle(id, words, { image = this.imageName, resources = {}, rlimits = [] } = {}) {
		const folder = this.site.path(`bundle-${id}`);
		const config = {
			ociVersion: '1.0.2',
			process: { user: { uid: 0, gid: 0 }, args: words, env: ['PATH=/bin'], cwd: '/tmp', rlimits },
			root: { path: this.rootfs },
			// All share the files, but runc makes devices for each.
			mounts: [
				{ destination: '/proc', type: 'proc', source: 'proc' },
				{ destination: '/dev', type: 'tmpfs', source: 'tmpfs' },
			],
			annotations: { 'org.opencontainers.image.ref.name': image },
			linux: { namespaces: ['pid', 'mount', 'ipc', 'uts', 'network'].map((type) => ({ type })), resources },
		};

		mkdirSync(folder);
		writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
		return folder;
	}

	// Named so that what is left of it is found.
	container(name, { image = this.imageName } = {}) {
		const id = `${this.site.key}-${name}`;

		return { id, name: id, imageId: '', imageName: image, pid: 0 };
	}

	async create(t, name, words, options) {
		const container = this.container(name, options);

		await this.silent(t, 'create', '--bundle', this.bundle(container.id, words, options), container.id);
		return { ...container, pid: await this.pid(t, container) };
	}

	async run(t, name, words, options) {
		const container = this.container(name, options);

		await this.silent(t, 'run', '--detach', '--bundle', this.bundle(container.id, words, options), container.id);
		return { ...container, pid: await this.pid(t, container) };
	}

	async pid(t, { id }) {
		return JSON.parse(await this.client(t, 'state', id)).pid;
	}

	exec(t, { id }, words) {
		return this.silent(t, 'exec', id, ...words);
	}

	kill(t, { id }, signal = 'KILL') {
		return this.client(t, 'kill', id, signal);
	}

	remove(t, { id }) {
		return this.client(t, 'delete', '--force', id);
	}
}
