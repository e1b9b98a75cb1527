// Container runtimes for real, each in folders of a test's own: Docker, containerd, Podman and runc. They are started for a test and ended with it, with
// everything that they have made: processes, mounts and cgroups. What runs on this host anyway is neither used nor touched.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cleanup } from './cleanup.js';
import { sanitized } from './paths.js';
import { end, run, sleep, start, until } from './process.js';
import { temporaryFolder } from './sensor.js';

const applets = ['sh', 'true', 'sleep', 'cat', 'kill', 'tail', 'echo'];
export const image = 'demo:1';

// A `true` by a name that no other program on this host has.
export const shortTrue = '/ringside-test/true';

// Why tests with these programs cannot run here; undefined: they can.
export function missing(...programs) {
	const absent = programs.filter((program) => spawnSync('which', [program]).status !== 0);

	if (process.getuid() !== 0)
		return 'needs root';
	return absent.length ? `${absent.join(', ')} not installed` : undefined;
}

// A root file system with busybox and nothing else.
export function makeRootfs(folder) {
	mkdirSync(path.join(folder, 'bin'), { recursive: true });
	for (const directory of ['proc', 'sys', 'dev', 'tmp'])
		mkdirSync(path.join(folder, directory), { recursive: true });
	copyFileSync('/bin/busybox', path.join(folder, 'bin/busybox'));
	mkdirSync(path.join(folder, path.dirname(shortTrue)));
	symlinkSync('/bin/busybox', path.join(folder, shortTrue));
	for (const applet of applets)
		symlinkSync('busybox', path.join(folder, 'bin', applet));
	return folder;
}

const mountsBelow = (folder) =>
	readFileSync('/proc/self/mounts', 'utf8')
		.split('\n')
		.map((line) => line.split(' ')[1])
		.filter((mount) => mount?.startsWith(`${folder}/`))
		.sort()
		.reverse();

// Processes whose command line or root names the folder: shims, conmons, and what has lost its parent.
function processesOf(folder) {
	const names = (pid) => {
		try {
			return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
		} catch {
			return false;
		}
	};

	return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && names(name)).map(Number);
}

// Only those go in which there is nothing.
function removeGroup(folder) {
	try {
		for (const entry of readdirSync(folder, { withFileTypes: true }))
			if (entry.isDirectory())
				removeGroup(path.join(folder, entry.name));
		rmdirSync(folder);
	} catch {
		// It is not there, or others have something in it.
	}
}

function removeGroups(name) {
	for (const hierarchy of [...readdirSync('/sys/fs/cgroup').map((entry) => path.join('/sys/fs/cgroup', entry)), '/sys/fs/cgroup'])
		removeGroup(path.join(hierarchy, name));
}

// What a runtime leaves when it is ended, and what a test left in it when it failed. Nothing may stay.
async function clear(folder) {
	for (let tries = 0; tries < 50 && (processesOf(folder).length || mountsBelow(folder).length); tries++) {
		for (const pid of processesOf(folder)) {
			try {
				process.kill(pid, tries > 10 ? 'SIGKILL' : 'SIGTERM');
			} catch {
				// It has ended by itself.
			}
		}
		for (const mount of mountsBelow(folder))
			spawnSync('umount', ['-l', mount]);
		await sleep(100);
	}
	assert.deepEqual(processesOf(folder), [], `processes of ${folder} that stay`);
	assert.deepEqual(mountsBelow(folder), [], `mounts below ${folder} that stay`);
}

class Runtime {
	constructor(t) {
		this.t = t;
		this.folder = temporaryFolder(t);
		cleanup(t, () => clear(this.folder));
		this.rootfs = makeRootfs(path.join(this.folder, 'rootfs'));
	}

	path(...names) {
		return path.join(this.folder, ...names);
	}

	async archive() {
		await run(this.t, 'tar', ['-C', this.rootfs, '-cf', this.path('rootfs.tar'), '.']);
		return this.path('rootfs.tar');
	}

	// A program that may fail: { code, out, err }.
	async attempt(program, words) {
		const child = start(this.t, program, words, { env: this.env ?? process.env });
		const timer = setTimeout(() => child.kill('SIGKILL'), 60000);
		const result = await child.done;

		clearTimeout(timer);
		return { ...result, out: result.out.trim() };
	}

	async must(program, words) {
		const result = await this.attempt(program, words);

		assert.equal(result.code, 0, `${program} ${words.join(' ')}: ${result.code ?? result.signal}\n${result.err}`);
		return result.out;
	}
}

// The places that a sensor has to be told, so that it sees these and nothing of the host's.
const options = (places) =>
	Object.entries({ 'docker-root': '/nonexistent', 'containerd-state': '/nonexistent', 'podman-root': '/nonexistent', 'runc-root': '/nonexistent',
		'docker-socket': 'none', 'containerd-socket': 'none', ...places }).flatMap(([name, value]) => [`--${name}`, value]);

export class Docker extends Runtime {
	static async start(t) {
		const docker = new Docker(t);

		writeFileSync(docker.path('daemon.json'), '{}');
		docker.socket = docker.path('docker.sock');
		docker.daemon = start(t, 'dockerd', ['--config-file', docker.path('daemon.json'), '--iptables=false', '--ip6tables=false', '--bridge=none',
			'--data-root', docker.path('d'), '--exec-root', docker.path('e'), '-H', `unix://${docker.socket}`, '--pidfile', docker.path('pid')]);
		cleanup(t, async () => {
			const timer = setTimeout(() => docker.daemon.kill('SIGKILL'), 15000);

			await end(docker.daemon, 'SIGTERM');
			clearTimeout(timer);
			removeGroups('docker');
		});
		await until(async () => (await docker.attempt('docker', ['-H', `unix://${docker.socket}`, 'version'])).code === 0,
			() => `dockerd answers\n${docker.daemon.err}`, 30000, 100);
		await docker.do('import', await docker.archive(), image);
		return docker;
	}

	get sensorOptions() {
		return options({ 'docker-root': this.path('d'), 'containerd-state': this.path('e/containerd/daemon'),
			'runc-root': this.path('e/runtime-runc/moby'), 'docker-socket': this.socket });
	}

	do(...words) {
		return this.must('docker', ['-H', `unix://${this.socket}`, ...words]);
	}

	try(...words) {
		return this.attempt('docker', ['-H', `unix://${this.socket}`, ...words]);
	}

	id(name) {
		return this.do('inspect', '--type', 'container', '-f', '{{.Id}}', name);
	}

	async inspect(name) {
		return JSON.parse(await this.do('inspect', '--type', 'container', name))[0];
	}

	// Creates and starts one; the id, and its output when it is not detached.
	run(name, program, ...flags) {
		return this.try('run', '--network', 'none', '--name', name, ...flags, image, ...program);
	}
}

// An OCI image archive of one layer, as `ctr image import` takes it.
function writeImage(file, layer) {
	const blobs = [];
	const blob = (bytes, type) => {
		const digest = createHash('sha256').update(bytes).digest('hex');

		blobs.push([`blobs/sha256/${digest}`, bytes]);
		return { mediaType: `application/vnd.oci.image.${type}`, digest: `sha256:${digest}`, size: bytes.length };
	};
	const json = (value) => Buffer.from(JSON.stringify(value));
	const rootfs = blob(layer, 'layer.v1.tar');
	const config = blob(json({ architecture: 'amd64', os: 'linux', config: { Cmd: ['sh'] }, rootfs: { type: 'layers', diff_ids: [rootfs.digest] } }),
		'config.v1+json');
	const manifest = blob(json({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers: [rootfs] }), 'manifest.v1+json');

	manifest.annotations = { 'io.containerd.image.name': `docker.io/library/${image}`, 'org.opencontainers.image.ref.name': '1' };
	writeTar(file, [['oci-layout', json({ imageLayoutVersion: '1.0.0' })], ['index.json', json({ schemaVersion: 2, manifests: [manifest] })], ...blobs]);
	return manifest.digest;
}

// Plain files in a tar archive (POSIX.1-1988, ustar).
function writeTar(file, entries) {
	const parts = [];

	for (const [name, bytes] of entries) {
		const header = Buffer.alloc(512);

		header.write(name, 0);
		header.write('0000644\0', 100);
		header.write('0000000\0', 108);
		header.write('0000000\0', 116);
		header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
		header.write('00000000000\0', 136);
		header.write('        ', 148);
		header.write('0', 156);
		header.write('ustar\0' + '00', 257);
		header.write(`${header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148);
		parts.push(header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512));
	}
	writeFileSync(file, Buffer.concat([...parts, Buffer.alloc(1024)]));
}

export class Containerd extends Runtime {
	static async start(t) {
		const containerd = new Containerd(t);

		containerd.namespace = `test-${process.pid}`;
		containerd.socket = containerd.path('c.sock');
		containerd.image = `docker.io/library/${image}`;
		writeFileSync(containerd.path('config.toml'), `version = 2
root = "${containerd.path('root')}"
state = "${containerd.path('state')}"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${containerd.socket}"
`);
		containerd.daemon = start(t, 'containerd', ['--config', containerd.path('config.toml')]);
		cleanup(t, async () => {
			await end(containerd.daemon, 'SIGTERM');
			removeGroups(containerd.namespace);
			for (const folder of [containerd.runc]) {
				try {
					rmdirSync(folder);
				} catch {
					// The shims have never made it, or a test that failed left something, which says why.
				}
			}
		});
		await until(async () => (await containerd.try('version')).code === 0, () => `containerd answers\n${containerd.daemon.err}`, 30000, 100);
		containerd.digest = writeImage(containerd.path('image.tar'), readFileSync(await containerd.archive()));
		await containerd.do('image', 'import', '--snapshotter', 'native', containerd.path('image.tar'));
		return containerd;
	}

	// Its shims have runc keep its state here, whatever containerd's own state directory is.
	get runc() {
		return `/run/containerd/runc/${this.namespace}`;
	}

	get sensorOptions() {
		return options({ 'containerd-state': this.path('state'), 'containerd-socket': this.socket, 'runc-root': this.runc });
	}

	get words() {
		return ['-a', this.socket, '-n', this.namespace];
	}

	do(...words) {
		return this.must('ctr', [...this.words, ...words]);
	}

	try(...words) {
		return this.attempt('ctr', [...this.words, ...words]);
	}

	run(id, program, ...flags) {
		return this.try('run', '--snapshotter', 'native', ...flags, this.image, id, ...program);
	}
}

export class Podman extends Runtime {
	static async start(t) {
		const podman = new Podman(t);

		podman.image = `localhost/${image}`;
		cleanup(t, async () => {
			await podman.try('rm', '-af', '-t', '0');
			removeGroups('libpod_parent');
		});
		await podman.do('import', await podman.archive(), image);
		return podman;
	}

	// Podman's own clean-up after a container calls runc without being told of another root, so that has to be the usual one.
	get sensorOptions() {
		return options({ 'podman-root': this.path('r'), 'runc-root': '/run/runc' });
	}

	get words() {
		return ['--runtime', 'runc', '--cgroup-manager', 'cgroupfs', '--storage-driver', 'vfs', '--root', this.path('r'), '--runroot', this.path('rr'),
			'--tmpdir', this.path('t')];
	}

	do(...words) {
		return this.must('podman', [...this.words, ...words]);
	}

	try(...words) {
		return this.attempt('podman', [...this.words, ...words]);
	}

	id(name) {
		return this.do('container', 'inspect', '-f', '{{.Id}}', name);
	}

	// Its default limits may be more than this host lets anybody have.
	run(name, program, ...flags) {
		return this.try('run', '--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000', '--network', 'none', '--name', name, ...flags, image,
			...program);
	}
}

export class Runc extends Runtime {
	static start(t) {
		const runc = new Runc(t);

		mkdirSync(runc.path('state'));
		cleanup(t, async () => {
			for (const id of existsSync(runc.path('state')) ? readdirSync(runc.path('state')) : [])
				await runc.try('delete', '--force', id);
		});
		return runc;
	}

	get sensorOptions() {
		return options({ 'runc-root': this.path('state') });
	}

	// A bundle that runs a program. Bundles share the file system, which nothing is written to.
	bundle(name, program, imageName = image) {
		const folder = this.path(name);

		mkdirSync(folder);
		assert.equal(spawnSync('runc', ['spec'], { cwd: folder }).status, 0);
		const config = JSON.parse(readFileSync(path.join(folder, 'config.json'), 'utf8'));
		config.process.args = program;
		config.process.terminal = false;
		config.root.path = this.rootfs;
		config.annotations = { 'org.opencontainers.image.ref.name': imageName };
		writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
		return folder;
	}

	do(...words) {
		return this.must('runc', ['--root', this.path('state'), ...words]);
	}

	try(...words) {
		return this.attempt('runc', ['--root', this.path('state'), ...words]);
	}

	// One that goes on by itself has runc's output for its own: nobody waits for the end of that.
	async detached(...words) {
		const child = start(this.t, 'runc', ['--root', this.path('state'), ...words], { stdio: 'ignore' });
		const { code } = await child.done;

		assert.equal(code, 0, `runc ${words.join(' ')}`);
	}
}

// Programs that leave a mark: what they are called with says where.
const program = (name) => `mark-${name} 2>/dev/null; true`;
export const mark = (name) => ['sh', '-c', program(name)];

// One on this host.
export const markOutside = (t, name) => run(t, '/bin/sh', ['-c', `sh -c '${program(name)}'`]);

// The marks that a stream of execs has told of.
export const marks = (stream) =>
	stream.events
		.map(({ process }) => process?.exec_command_line ?? [])
		.filter(([shell, , text]) => shell === 'sh' && text?.startsWith('mark-'))
		.map(([, , text]) => /^mark-(\S+)/.exec(text)[1]);

export const execs = { process_events: [{ type: 'PROCESS_EVENT_TYPE_EXEC' }] };

// Lives of containers

const types = ['CREATED', 'RUNNING', 'EXITED', 'DESTROYED', 'UPDATED'];
export const lifeEvents = (view = 'BASIC') => ({ container_events: types.map((type) => ({ type: `CONTAINER_EVENT_TYPE_${type}`, view })) });

const patience = sanitized ? 30000 : 10000;

// What a stream has told of a container, in short: "created", "running", "exited 3", "destroyed".
export function life(stream, id) {
	return stream.events
		.filter((event) => event.event === 'container' && event.container_id === id)
		.map(({ container: { type, exit_code: code } }) => {
			const word = type.replace('CONTAINER_EVENT_TYPE_', '').toLowerCase();

			return word === 'exited' ? `exited ${code}` : word;
		});
}

// Waits until a container's life has come so far; more than that may not have come.
export async function expectLife(stream, id, expected) {
	await until(() => life(stream, id).length >= expected.length, () => `${id}: ${expected}; but there is ${life(stream, id)}`, patience);
	assert.deepEqual(life(stream, id), expected, id);
}

export const told = (stream, id, type) =>
	stream.events.find((event) => event.container_id === id && event.container?.type === `CONTAINER_EVENT_TYPE_${type}`)?.container;
