// containerd by itself, with its client ctr. Containers have ids only: names that whoever makes them thinks of.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { cleanup } from './cleanup.js';
import { writeArchive } from './image.js';
import { Runtime } from './runtime.js';
import { shimRoots } from './site.js';

export class Containerd extends Runtime {
	constructor(scope) {
		super(scope, ['containerd', 'ctr', 'runc']);
		this.imageName = 'registry.example/team/shop:1';
	}

	async begin() {
		await this.prepare();
		const { site } = this;
		const socket = site.path('containerd.sock');
		// What is for Kubernetes, or would be in /opt.
		const disabled = ['io.containerd.grpc.v1.cri', 'io.containerd.internal.v1.opt'];
		const toml = (values) => Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`).join('');

		writeFileSync(
			site.path('containerd.toml'),
			toml({ version: 2, root: site.path('data'), state: site.path('state'), disabled_plugins: disabled }) +
				`[grpc]\n${toml({ address: socket })}[ttrpc]\n${toml({ address: `${socket}.ttrpc` })}`,
		);
		site.addTasks(site.path('state'));
		this.flags = ['--address', socket, '--namespace', site.key];
		this.places = { 'containerd-state': site.path('state'), 'containerd-socket': socket, 'runc-root': path.join(shimRoots, site.key) };
		this.number = 0;
		this.imageIds = new Map();
		const child = this.daemon('containerd', ['--config', site.path('containerd.toml')]);
		await this.ready(child, () => this.client(this.scope, 'version'));
		this.imageId = await this.import(this.imageName);
		cleanup(this.scope, async () => {
			const ids = (await this.client(this.scope, 'containers', 'list', '--quiet')).split('\n').filter((id) => id);

			for (const id of ids)
				await this.remove(this.scope, { id });
		});
	}

	client(t, ...words) {
		return this.call(t, 'ctr', [...this.flags, ...words]);
	}

	async import(name) {
		const folder = `archive-${this.number++}`;
		const { manifest } = await writeArchive(this.scope, this.site.path(folder), this.tar, name, this.site.path(`${folder}.tar`));

		await this.client(this.scope, 'images', 'import', this.site.path(`${folder}.tar`));
		// containerd's own id of an image is its manifest's.
		this.imageIds.set(name, manifest.replace('sha256:', ''));
		return this.imageIds.get(name);
	}

	async create(t, name, words, { flags = [], image = this.imageName } = {}) {
		const id = `${this.site.key}-${name}`;

		await this.client(t, 'containers', 'create', ...flags, '--', image, id, ...words);
		return { id, name: id, imageId: this.imageIds.get(image), imageName: image, pid: 0 };
	}

	async begins(t, { id }) {
		await this.client(t, 'tasks', 'start', '--detach', '--null-io', '--fifo-dir', this.site.path('fifo'), id);
	}

	async run(t, name, words, options) {
		const container = await this.create(t, name, words, options);

		await this.begins(t, container);
		return { ...container, pid: await this.pid(t, container) };
	}

	async pid(t, { id }) {
		const line = (await this.client(t, 'tasks', 'list')).split('\n').map((text) => text.split(/ +/)).find(([task]) => task === id);

		return Number(line?.[1] ?? 0);
	}

	exec(t, { id }, words) {
		return this.client(t, 'tasks', 'exec', '--exec-id', `exec-${this.number++}`, '--fifo-dir', this.site.path('fifo'), '--', id, ...words);
	}

	async kill(t, { id }, signal = 'KILL') {
		await this.client(t, 'tasks', 'kill', '--signal', signal, id);
	}

	async removeTask(t, { id }) {
		await this.client(t, 'tasks', 'delete', '--force', id);
	}

	async remove(t, container) {
		await this.removeTask(t, container).catch(() => {});
		await this.client(t, 'containers', 'delete', container.id);
	}
}
