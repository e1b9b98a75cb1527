// What a sensor tells of the lives of containers, as lines to compare:
//
//	created /web team/shop:1@5d1c0f2a
//	running /web team/shop:1@5d1c0f2a pid 4711
//	exited /web team/shop:1@5d1c0f2a pid 4711 code 137 status 0 signal 9
import assert from 'node:assert/strict';
import { subscribe } from './client.js';
import { sanitized } from './paths.js';
import { sleep, until } from './process.js';

const types = ['CREATED', 'RUNNING', 'EXITED', 'DESTROYED', 'UPDATED'];

export const lifeEvents = (view = 'BASIC') => ({ container_events: types.map((type) => ({ type: `CONTAINER_EVENT_TYPE_${type}`, view })) });

const execs = { process_events: [{ type: 'PROCESS_EVENT_TYPE_EXEC' }] };

const whose = ({ name, imageName, imageId }) => `${name} ${imageName}@${imageId.slice(0, 8)}`;
const flag = (name, value) => (value ? ` ${name}` : '');
const how = ({ code, status = 0, signal = 0, core = false, oom = false, unknown = false }) =>
	`code ${code} status ${status} signal ${signal}${flag('core', core)}${flag('oom', oom)}${flag('unknown', unknown)}`;

// The lines that are expected of a container.
export const created = (container) => `created ${whose(container)}`;
// While it runs, with its first process.
export const updated = (container, pid = container.pid) => `updated ${whose(container)}${flag(`pid ${pid}`, pid)}`;
export const running = (container, pid = container.pid) => `running ${whose(container)} pid ${pid}`;
export const exited = (container, ending, pid = container.pid) => `exited ${whose(container)} pid ${pid} ${how(ending)}`;
export const destroyed = (container) => `destroyed ${whose(container)}`;

export const killed = (signal, more = {}) => ({ code: 128 + signal, signal, ...more });
export const ended = (status) => ({ code: status, status });

// The line that an event is.
function line({ container: c }) {
	const type = c.type.replace('CONTAINER_EVENT_TYPE_', '').toLowerCase();
	const who = { name: c.name, imageName: c.image_name, imageId: c.image_id };
	const ending = {
		code: c.exit_code,
		status: c.exit_status,
		signal: c.exit_signal,
		core: c.exit_core_dumped,
		oom: c.oom_killed,
		unknown: c.exit_code_unknown,
	};
	const told = how(ending);
	const nothing = how({ code: 0 });

	return `${type} ${whose(who)}${flag(`pid ${c.host_pid}`, c.host_pid)}${flag(told, type === 'exited' || told !== nothing)}`;
}

// Two subscribers of all steps, one for each view, and one of programs that begin.
export class Lives {
	constructor() {
		this.expected = new Map();
	}

	static async watch(t, address) {
		const lives = new Lives();

		lives.basic = await subscribe(t, address, lifeEvents());
		lives.full = await subscribe(t, address, lifeEvents('FULL'));
		lives.execs = await subscribe(t, address, execs);
		return lives;
	}

	events(stream, { id }) {
		return stream.events.filter(({ event, container_id: of }) => event === 'container' && of === id);
	}

	lines(container, stream = this.basic) {
		return this.events(stream, container).map(line);
	}

	// Waits for the n-th line.
	async reach(container, n) {
		await until(
			() => this.lines(container).length >= n && this.lines(container, this.full).length >= n,
			() => `${n} steps of ${container.id}:\n${this.lines(container).join('\n')}`,
			sanitized ? 20000 : 10000,
		).catch((error) => {
			// Which ones there are is what one wants to see.
			if (this.lines(container).length === 0)
				throw error;
		});
	}

	// All that is told of a container by now is this, in both views. That it stays so is for assertAll() to say.
	async expect(container, expected) {
		this.expected.set(container.id, expected);
		await this.reach(container, expected.length);
		await sleep(50);
		this.assert(container, expected);
	}

	assert(container, expected) {
		assert.deepEqual(this.lines(container), expected);
		assert.deepEqual(this.lines(container, this.full), expected, 'in the full view');
	}

	// In the end: nothing has been told twice, or too late.
	async assertAll() {
		await sleep(1500);
		for (const [id, expected] of this.expected)
			this.assert({ id }, expected);
	}

	// The first process of a container whose program this is; when it is gone before one could ask its runtime.
	async pid(container, program) {
		await until(
			() => this.pids(container, program).length > 0,
			() => `${program} has been told of; lost: ${this.execs.lost}; there are\n${this.lines(container).join('\n')}\n${this.programs().join('\n')}`,
		);
		return this.pids(container, program)[0];
	}

	// What has been run last, for people.
	programs() {
		return this.execs.events.slice(-60).map((event) => `${event.process_pid} ${event.container_id} ${event.process?.exec_filename}`);
	}

	// The pids that have run this program in the container, in order. (Its arguments may have been gone when they were looked for.)
	pids(container, program) {
		return this.execs.events
			.filter(({ container_id: of, process }) => of === container.id && process?.exec_filename === program)
			.map(({ process_pid: pid }) => pid);
	}
}
