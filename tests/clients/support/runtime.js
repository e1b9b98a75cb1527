// Container runtimes of a test's own, the real ones: Docker (docker.js), Podman (podman.js), containerd (containerd.js) and runc (runc.js). Each keeps
// all it has in a site (site.js), uses nothing of this host's configuration, and touches no other one that runs here. Daemons end with this process.
//
//	const scope = fileScope();
//	const docker = await startRuntime(scope, Docker); // once per file: it costs about a second
//	test('...', { skip: docker.skip }, async (t) => {
//		const web = await docker.run(t, 'web', ['/bin/sleep', '100']);
//
// What they have in common: create(), begins() (what was created), run() (both), exec(), kill(), remove(), pid(). A container is
// { id, name, imageId, imageName, pid }, as the sensor has to tell of it.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { cleanup } from './cleanup.js';
import { noImage, writeRootfs, writeTar } from './image.js';
import { end, run, start, until } from './process.js';
import { Site } from './site.js';

const limit = 30000;
const setpriv = '/usr/bin/setpriv';

const program = (name) => ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin'].map((folder) => path.join(folder, name)).find(existsSync);

// What makes a sensor see these runtimes, and nothing of the host's.
export function sensorOptions(...runtimes) {
	const none = { 'docker-root': '/nonexistent', 'containerd-state': '/nonexistent', 'podman-root': '/nonexistent', 'runc-root': '/nonexistent' };
	const nothing = { ...none, 'docker-socket': 'none', 'containerd-socket': 'none' };

	return Object.entries(nothing).flatMap(([name, otherwise]) => {
		const told = runtimes.map(({ places }) => places[name]).filter((place) => place);

		return (told.length > 0 ? told : [otherwise]).flatMap((place) => [`--${name}`, place]);
	});
}

export class Runtime {
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
