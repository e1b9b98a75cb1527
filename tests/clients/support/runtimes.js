// Container runtimes of a test's own, the real ones: Docker, Podman, containerd, runc. Each keeps all it has in a site (site.js), uses nothing of
// this host's configuration, and touches no other one that runs here. Its daemon ends with this process.
//
//	const scope = fileScope();
//	const docker = await startRuntime(scope, Docker);    // once per file: it costs about a second
//	test('...', { skip: docker.skip }, async (t) => {
//		const web = await docker.run(t, 'web', ['/bin/sleep', '100']);
//
// What they have in common: create(), begins() (what was created), run() (both), exec(), kill(), remove(); `options`, which make a sensor see this one; and a container is
// { id, name, imageId, imageName, pid }, as the sensor has to tell of it.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { noImage, writeArchive, writeRootfs, writeTar } from './image.js';
import { end, run, start, until } from './process.js';
import { cleanup } from './cleanup.js';
import { shimRoots, Site } from './site.js';

const limit = 30000;
const setpriv = '/usr/bin/setpriv';

const program = (name) => ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin'].map((folder) => path.join(folder, name)).find(existsSync);

class Runtime {
	constructor(scope, names) {
		this.scope = scope;
		this.programs = Object.fromEntries(names.map((name) => [name, program(name)]));
		this.missing = names.find((name) => !this.programs[name]);
	}

	async prepare() {
		this.site = new Site(this.scope);
		this.rootfs = writeRootfs(this.site.path('rootfs'));
		this.tar = await writeTar(this.scope, this.rootfs, this.site.path('rootfs.tar'));
	}

	// A daemon; it is told to end when this process has, however that comes about.
	daemon(name, words, env = {}) {
		const child = start(this.scope, setpriv, ['--pdeathsig', 'TERM', this.programs[name], ...words], { env: { ...this.site.env, ...env } });

		cleanup(this.scope, async () => {
			const timer = setTimeout(() => child.kill('SIGKILL'), 20000);
			await end(child, 'SIGTERM');
			clearTimeout(timer);
		});
		return child;
	}

	async ready(child, asks) {
		await until(
			() => {
				if (child.exitCode !== null)
					throw new Error(`it ended with ${child.exitCode}: ${child.err}`);
				return asks().then(() => true, () => false);
			},
			() => `it answers: ${child.err}`,
			limit,
			100,
		);
	}

	// Runs a program of this runtime to its end; returns what it printed.
	async call(t, name, words, options = {}) {
		const { out } = await run(t, this.programs[name], words, { timeout: limit, env: this.site.env, ...options });

		return out?.trim();
	}

	// The first line of what `PROGRAM --version` says.
	async version() {
		const [name] = Object.keys(this.programs);

		return (await run(this.scope, this.programs[name], ['--version'])).out.split('\n')[0];
	}

	// Runs a program in a container to its end, as the runtime's `exec` does.
	exec(t, container, words) {
		return this.client(t, 'exec', container.id, ...words);
	}

	kill(t, container, signal = 'KILL') {
		return this.client(t, 'kill', '--signal', signal, container.id);
	}
}

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
		this.options = [
			...['--docker-root', data, '--docker-socket', socket],
			...['--containerd-state', path.join(state, 'containerd/daemon'), '--containerd-socket', path.join(state, 'containerd/containerd.sock')],
			...['--runc-root', path.join(state, 'runtime-runc/moby')],
		];
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
		const engine = { lock_type: 'file', events_logger: 'file', cgroup_manager: 'cgroupfs', runtime: 'runc' };
		const lines = Object.entries(engine).map(([key, value]) => `${key} = "${value}"`);

		mkdirSync(site.path('net'));
		writeFileSync(site.path('podman.conf'), `[engine]\n${lines.join('\n')}\n[network]\nnetwork_config_dir = "${site.path('net')}"\n`);
		this.environment = { ...site.env, CONTAINERS_CONF: site.path('podman.conf') };
		this.flags = [
			...['--runtime', this.programs.runc, '--runtime-flag', `root=${site.path('runc')}`, '--cgroup-manager', 'cgroupfs'],
			...['--storage-driver', 'vfs', '--root', site.path('s'), '--runroot', site.path('r'), '--tmpdir', site.path('t')],
		];
		this.limits = ulimits();
		this.options = ['--podman-root', site.path('s'), '--runc-root', site.path('runc')];
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

// containerd by itself, with its client ctr. Containers have ids only: names that whoever makes them thinks of.
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
		this.options = [
			...['--containerd-state', site.path('state'), '--containerd-socket', socket],
			...['--runc-root', path.join(shimRoots, site.key)],
		];
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

// runc by itself. It knows no images; an annotation that others use may say what a bundle was made from.
export class Runc extends Runtime {
	constructor(scope) {
		super(scope, ['runc']);
		this.imageName = 'registry.example/team/shop:1';
	}

	async begin() {
		await this.prepare();
		this.root = this.site.path('runc');
		this.options = ['--runc-root', this.root];
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

// Starts one. Where it is not there, or cannot run a program on this host, `skip` says which and why.
export async function startRuntime(scope, Type) {
	const runtime = new Type(scope);

	if (runtime.missing || noImage) {
		runtime.skip = noImage ?? `${runtime.missing} is not installed`;
		return runtime;
	}
	try {
		await runtime.begin();
		await runtime.remove(scope, await runtime.run(scope, 'trial', ['/bin/sleep', '60']));
	} catch (error) {
		runtime.skip = `${await runtime.version()} does not work here: ${error.message.replace(/\s+/g, ' ').slice(0, 600)}`;
	}
	return runtime;
}
