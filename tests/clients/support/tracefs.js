// What is left in the kernel.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const candidates = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'];

// The folder; known once a sensor has mounted it.
export function tracefs() {
	const found = candidates.find((folder) => existsSync(path.join(folder, 'events')));

	if (!found)
		throw new Error('tracefs is not mounted');
	return found;
}

// The lines of dynamic_events, or on old kernels of the files that it replaced.
export function probes() {
	const files = existsSync(path.join(tracefs(), 'dynamic_events')) ? ['dynamic_events'] : ['kprobe_events', 'uprobe_events'];

	return files
		.map((file) => path.join(tracefs(), file))
		.filter(existsSync)
		.flatMap((file) => readFileSync(file, 'utf8').split('\n'))
		.filter((line) => line !== '');
}

// The probes of the sensor that ran as `pid`: its group carries the number.
export function probesOf(pid) {
	return probes().filter((line) => new RegExp(`^[a-z]\\d*:ringside_${pid}_\\d+/`).test(line));
}

export function instances() {
	return readdirSync(path.join(tracefs(), 'instances'));
}

export function addUprobe(definition) {
	writeFileSync(path.join(tracefs(), 'uprobe_events'), `${definition}\n`, { flag: 'a' });
}
