// A site for container runtimes of a test's own: a folder, and groups in the hierarchies of cgroups, with a name that nobody else has. All that a
// runtime leaves behind is found by these: processes by a variable in their environment or by their cgroup, mounts by their place, cgroups by
// their name. When the test is over, nothing of it is left, whatever became of the runtime.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after } from 'node:test';
import { cleanup } from './cleanup.js';
import { run, until } from './process.js';

// What the tests of a file share: to be given for a test's `t`, and closed by the last test. Also when that is not reached, when the file is over.
export function fileScope() {
	const undo = [];
	const scope = {
		after: (fn) => undo.push(fn),
		close: async () => {
			while (undo.length)
				await undo.pop()();
		},
	};

	after(() => scope.close());
	return scope;
}

function read(file) {
	try {
		return readFileSync(file, 'utf8');
	} catch {
		return '';
	}
}

// [place, type] of all mounts, in the order in which they were made.
function mounts() {
	return readFileSync('/proc/self/mountinfo', 'utf8')
		.trimEnd()
		.split('\n')
		.map((line) => [line.split(' ')[4], line.split(' - ')[1].split(' ')[0]]);
}

function folders(folder) {
	try {
		return readdirSync(folder, { withFileTypes: true })
			.filter((entry) => entry.isDirectory())
			.map((entry) => path.join(folder, entry.name));
	} catch {
		return [];
	}
}

// A folder's folders, the innermost first.
const tree = (folder) => [...folders(folder).flatMap(tree), folder];

const hierarchies = () => [...new Set(mounts().filter(([, type]) => /^cgroup2?$/.test(type)).map(([place]) => place))];

// Where containerd's shims have a root for runc per namespace, unless they are told otherwise.
export const shimRoots = '/run/containerd/runc';

export class Site {
	// The longest path of a socket is 107 bytes, and runtimes add some 40 to what they are given.
	constructor(t) {
		this.folder = mkdtempSync('/tmp/rs-');
		this.key = path.basename(this.folder);
		this.env = { ...process.env, RINGSIDE_SITE: this.key };
		this.tasks = [];
		cleanup(t, async () => {
			await this.clear();
			assert.deepEqual(this.leftovers(), [], 'what is left of container runtimes');
		});
	}

	path(...names) {
		return path.join(this.folder, ...names);
	}

	// The folder in which a containerd keeps its tasks. Their shims have sockets in /run/containerd, which stay when a shim is killed.
	addTasks(folder) {
		this.tasks.push(path.join(folder, 'io.containerd.runtime.v2.task'));
	}

	processes() {
		const isOurs = (pid) =>
			read(`/proc/${pid}/environ`).split('\0').includes(`RINGSIDE_SITE=${this.key}`) || read(`/proc/${pid}/cgroup`).includes(`/${this.key}`);

		return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isOurs(name)).map(Number);
	}

	mounts() {
		return mounts()
			.map(([place]) => place)
			.filter((place) => place.startsWith(`${this.folder}/`))
			.reverse();
	}

	// The innermost first. Some runtimes make them below the cgroup that this process is in, wherever that may be.
	cgroups() {
		return hierarchies()
			.flatMap(tree)
			.filter((folder) => folder.includes(`/${this.key}`));
	}

	sockets() {
		return this.tasks
			.flatMap(folders)
			.flatMap(folders)
			.map((folder) => read(path.join(folder, 'address')).replace('unix://', '').trim())
			.filter(existsSync);
	}

	// The site's own, and that of a containerd's namespace with its name.
	folders() {
		return [this.folder, path.join(shimRoots, this.key)].filter(existsSync);
	}

	// What there is, a line for each.
	leftovers() {
		return [
			...this.processes().map((pid) => `process ${pid}: ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`),
			...this.mounts().map((place) => `mount ${place}`),
			...this.cgroups().map((folder) => `cgroup ${folder}`),
			...(this.leftSockets ?? []).filter(existsSync).map((socket) => `socket ${socket}`),
			...this.folders().map((folder) => `folder ${folder}`),
		];
	}

	// Ends all processes; those that are frozen too.
	async endProcesses() {
		const kill = (pid) => {
			try {
				process.kill(pid, 'SIGKILL');
			} catch {
				// It has ended by itself.
			}
		};

		for (const folder of this.cgroups()) {
			try {
				if (existsSync(path.join(folder, 'freezer.state')))
					writeFileSync(path.join(folder, 'freezer.state'), 'THAWED');
			} catch {
				// It has gone.
			}
		}
		await until(
			() => {
				const left = this.processes();

				left.forEach(kill);
				return left.length === 0;
			},
			() => `all processes have ended: ${this.leftovers().join('\n')}`,
		);
	}

	async clear() {
		const scope = { after: () => {} };
		const removed = (folder) => {
			try {
				rmdirSync(folder);
			} catch {
				// A process that has ended may be in it a little longer.
			}
		};

		this.leftSockets = this.sockets();
		await this.endProcesses();
		for (const place of this.mounts())
			await run(scope, '/bin/umount', [place]).catch(() => run(scope, '/bin/umount', ['-l', place]));
		for (const socket of this.leftSockets)
			unlinkSync(socket);
		await until(
			() => {
				this.cgroups().forEach(removed);
				return this.cgroups().length === 0;
			},
			() => `all cgroups are empty: ${this.cgroups().join(' ')}`,
		);
		for (const folder of this.folders())
			rmSync(folder, { recursive: true, force: true });
	}
}
