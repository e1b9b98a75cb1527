// Programs that tests start. Each is ended by its own pid when the test is over, whatever happens.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { cleanup } from './cleanup.js';

export { sleep };

// Ends a child and waits for it.
export async function end(child, signal = 'SIGKILL') {
	if (child.exitCode !== null || child.signalCode !== null)
		return;
	const gone = once(child, 'exit');
	child.kill(signal);
	await gone;
}

// Starts a program whose output is collected in .out and .err.
export function start(t, file, args, options = {}) {
	const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });

	child.out = '';
	child.err = '';
	child.stdout?.setEncoding('utf8').on('data', (text) => {
		child.out += text;
	});
	child.stderr?.setEncoding('utf8').on('data', (text) => {
		child.err += text;
	});
	child.done = new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('close', (code, signal) => resolve({ code, signal, out: child.out, err: child.err }));
	});
	child.done.catch(() => {});
	cleanup(t, () => end(child));
	return child;
}

// Runs a program to its end, which has to come within `timeout` ms and be exit status 0.
export async function run(t, file, args, { timeout = 60000, ...options } = {}) {
	const child = start(t, file, args, options);
	const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
	const result = await child.done;

	clearTimeout(timer);
	if (result.code !== 0)
		throw new Error(`${file} ${args.join(' ')}: exit status ${result.code ?? result.signal}\n${result.err}`);
	return { ...result, pid: child.pid };
}

// Waits until `check` returns something true, and returns that.
export async function until(check, what, timeout = 10000, step = 20) {
	const deadline = Date.now() + timeout;

	for (;;) {
		const value = await check();
		if (value)
			return value;
		if (Date.now() > deadline)
			throw new Error(`not within ${timeout} ms: ${typeof what === 'function' ? what() : what}`);
		await sleep(step);
	}
}
