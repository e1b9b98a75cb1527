// The loads of tests/load/.
import { load } from './paths.js';
import { run } from './process.js';

// readahead(2) with a bad descriptor, which nothing else calls: what tests/load/syscall_flood.c makes unless it is told otherwise.
export const flooded = 187;
// Its third argument.
export const cookie = 0x72696e67;
// Calls that nobody makes at all; this one has gone from newer kernels.
export const lookupDcookie = 212;

// `calls` calls, as fast as they can be made.
export function flood(t, calls, { cpu = 1, number = flooded, spacingNs = 0 } = {}) {
	return run(t, load('syscall_flood'), [calls, cpu, number, spacingNs].map(String));
}

// The same at 200,000 calls a second: slow enough for a client in JavaScript beside it on two processors.
export function steadyFlood(t, calls, options) {
	return flood(t, calls, { spacingNs: 5000, ...options });
}
