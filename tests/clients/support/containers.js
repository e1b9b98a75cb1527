// Containers as the sensor sees them: a cgroup that is named as Docker names its own, on this host's real hierarchy, and Docker's file about it
// in a root of the test's own. What is in such a cgroup is moved, forks and execs as in any container; only the walls are missing.
import { randomBytes } from 'node:crypto';
import { accessSync, constants, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cleanup } from './cleanup.js';
import { run, start, until } from './process.js';
import { temporaryFolder } from './sensor.js';

export const randomId = () => randomBytes(32).toString('hex');

function isWritable(folder) {
	try {
		accessSync(folder, constants.W_OK);
		return true;
	} catch {
		return false;
	}
}

// Where this host's cgroups can be made: version 2 if it is mounted, else a hierarchy of version 1 that asks for nothing. undefined: nowhere.
export function cgroups() {
	const mounts = readFileSync('/proc/mounts', 'utf8')
		.split('\n')
		.map((line) => line.split(' '))
		.filter(([, folder, type, options]) => /^cgroup2?$/.test(type) && /^rw/.test(options) && isWritable(folder));
	const undemanding = ([, , type, options]) => type === 'cgroup2' || /\b(memory|pids|freezer|name=systemd)\b/.test(options);

	return mounts.sort(([, , a], [, , b]) => b.localeCompare(a)).find(undemanding)?.[1];
}

// Why there can be no containers; undefined: there can.
export const noCgroups = cgroups() ? undefined : 'no hierarchy of cgroups is mounted where a group can be made';

// Docker's root, with what it has written about containers.
export class DockerRoot {
	constructor(t) {
		this.folder = temporaryFolder(t);
	}

	// Whole or not at all, as Docker does it.
	write(id, { name, image, imageId, started }) {
		const folder = path.join(this.folder, 'containers', id);
		const config = { ID: id, Name: name, Image: `sha256:${imageId}`, Config: { Image: image, Env: ['PATH=/bin'] }, State: { Running: true, ...(started && { StartedAt: started }) } };

		mkdirSync(folder, { recursive: true });
		writeFileSync(path.join(folder, '.tmp-config'), JSON.stringify(config));
		renameSync(path.join(folder, '.tmp-config'), path.join(folder, 'config.v2.json'));
	}
}

// Removes a cgroup when the last process has left it.
const remove = (folder) =>
	until(
		() => {
			try {
				rmdirSync(folder);
				return true;
			} catch (error) {
				return error.code === 'ENOENT';
			}
		},
		`${folder} is empty`,
		5000,
	);

export class Container {
	constructor(t, id = randomId()) {
		const parent = path.join(cgroups(), `ringside-test-${process.pid}`);

		this.t = t;
		this.id = id;
		this.folder = path.join(parent, id);
		mkdirSync(this.folder, { recursive: true });
		cleanup(t, async () => {
			await remove(this.folder);
			try {
				rmdirSync(parent);
			} catch {
				// Another container of this test is in it still.
			}
		});
	}

	// Programs that join the cgroup before they are what they are, as a runtime's first process and `docker exec` do.
	words(program) {
		return ['-c', 'echo $$ >"$0/cgroup.procs" && exec "$@"', this.folder, ...program];
	}

	// One that runs /bin/true with each line that it is given as its argument.
	loop() {
		const program = ['/bin/sh', '-c', 'while read mark; do /bin/true "$mark"; done'];

		return start(this.t, '/bin/sh', this.words(program), { stdio: 'pipe' });
	}

	run(...program) {
		return run(this.t, '/bin/sh', this.words(program));
	}
}

const runc = ['/usr/bin/runc', '/usr/sbin/runc'].find(existsSync);
export const noRunc = !runc
	? 'runc is not installed'
	: !existsSync('/bin/busybox')
		? 'busybox-static is not installed'
		: noCgroups;

// A container of runc's, with walls, that runs a program. Its cgroup is named as others name theirs: by its id.
export class WalledContainer {
	constructor(t, program) {
		this.t = t;
		this.id = randomId();
		this.state = temporaryFolder(t);
		this.folder = temporaryFolder(t);
		this.groups = `ringside-test-${process.pid}-runc`;
		const bin = path.join(this.folder, 'rootfs/bin');

		mkdirSync(bin, { recursive: true });
		mkdirSync(path.join(this.folder, 'rootfs/proc'));
		copyFileSync('/bin/busybox', path.join(bin, 'busybox'));
		for (const applet of ['sh', 'sleep'])
			symlinkSync('busybox', path.join(bin, applet));
		const config = {
			ociVersion: '1.0.2',
			process: { user: { uid: 0, gid: 0 }, args: program, env: ['PATH=/bin'], cwd: '/' },
			root: { path: 'rootfs' },
			mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
			linux: { namespaces: ['pid', 'mount', 'ipc', 'uts'].map((type) => ({ type })), cgroupsPath: `/${this.groups}/${this.id}` },
		};
		writeFileSync(path.join(this.folder, 'config.json'), JSON.stringify(config));
	}

	runc(words, options) {
		return run(this.t, runc, ['--root', this.state, ...words], options);
	}

	// Detached, with nothing of ours open in it; it goes with the test.
	async start() {
		cleanup(this.t, async () => {
			await this.runc(['delete', '--force', this.id]);
			await run(this.t, '/bin/sh', ['-c', `rmdir /sys/fs/cgroup/*/${this.groups} /sys/fs/cgroup/${this.groups} 2>/dev/null; true`]);
		});
		await this.runc(['run', '--detach', '--bundle', this.folder, this.id], { stdio: 'ignore' });
	}
}
