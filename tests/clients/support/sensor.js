// A sensor of a test's own: on a socket in a temporary folder, ended by its pid when the test is over, and looked after in tracefs.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cleanup } from './cleanup.js';
import { ready } from './client.js';
import { ringside, sanitized } from './paths.js';
import { end, start, until } from './process.js';
import { probesOf } from './tracefs.js';

const startTimeout = sanitized ? 60000 : 20000;

// A folder that goes away with the test.
export function temporaryFolder(t) {
	const folder = mkdtempSync(path.join(tmpdir(), 'ringside-test-'));

	cleanup(t, () => rmSync(folder, { recursive: true, force: true }));
	return folder;
}

// Nanoseconds of CPU that all threads of a process have used, from /proc/PID/schedstat of each.
export function cpuNs(pid) {
	return readdirSync(`/proc/${pid}/task`)
		.map((tid) => Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0]))
		.reduce((sum, ns) => sum + ns, 0);
}

// Its perf descriptors that are open now.
export function perfDescriptors(pid) {
	const folder = `/proc/${pid}/fd`;
	const target = (fd) => {
		try {
			return readlinkSync(path.join(folder, fd));
		} catch {
			return '';
		}
	};

	return readdirSync(folder).filter((fd) => target(fd) === 'anon_inode:[perf_event]').length;
}

class Sensor {
	constructor(child, socket) {
		this.child = child;
		this.pid = child.pid;
		this.socket = socket;
		this.address = `unix:${socket}`;
	}

	// Its log so far.
	get log() {
		return this.child.err + this.child.out;
	}

	get alive() {
		return this.child.exitCode === null && this.child.signalCode === null;
	}

	// SIGTERM; it has to end with status 0 and leave nothing behind.
	async stop() {
		if (!this.alive)
			return;
		const timer = setTimeout(() => this.child.kill('SIGKILL'), 15000);
		this.child.kill('SIGTERM');
		const { code: status, signal } = await this.child.done;

		clearTimeout(timer);
		this.stopped = true;
		assert.equal(status, 0, `the sensor ended with ${status ?? signal}:\n${this.log}`);
		assert.deepEqual(probesOf(this.pid), [], 'probes that the sensor left in tracefs');
		assert.ok(!existsSync(this.socket), `${this.socket} is still there`);
	}

	// kill -9.
	async kill() {
		await end(this.child, 'SIGKILL');
	}
}

// Starts one, with more arguments for `ringside sensor`, and waits until it answers. `under`: a program that runs it.
export async function startSensor(t, args = [], { socket = path.join(temporaryFolder(t), 'sensor.sock'), under = [] } = {}) {
	const [program, ...words] = [...under, ringside, 'sensor', '--listen', `unix:${socket}`, ...args];
	const child = start(t, program, words);
	const sensor = new Sensor(child, socket);

	cleanup(t, () => sensor.stop());
	await until(
		() => {
			assert.ok(sensor.alive, `the sensor ended at once:\n${sensor.log}`);
			return existsSync(socket);
		},
		() => `${socket} appears\n${sensor.log}`,
		startTimeout,
	);
	await ready(t, sensor.address, startTimeout);
	return sensor;
}
