// Expressions on the real sensor: what comes is exactly what was asked for, whoever decides it.
import assert from 'node:assert/strict';
import { all, any, binary, count, field, signed, statusReader, subscribe, syscallEnter, syscallExit, unsigned, where } from './support/client.js';
import { cookie, flood, flooded, steadyFlood } from './support/load.js';
import { load } from './support/paths.js';
import { startSensor } from './support/sensor.js';
import { test } from './support/test.js';

const EBADF = 9;
const calls = 20000;

// The second argument of each call is its number.
const between = (from, to) => all(where('arg1', 'GE', unsigned(from)), where('arg1', 'LT', unsigned(to)));
const numbers = (stream) => stream.events.filter(({ syscall }) => syscall).map(({ syscall }) => Number(syscall.arg1));
const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);

async function expectExactly(t, sensor) {
	const low = await subscribe(t, sensor.address, { syscall_events: [syscallEnter(flooded, { filter_expression: between(100, 1100) })] });
	const some = await subscribe(t, sensor.address, {
		syscall_events: [
			syscallEnter(flooded, {
				filter_expression: any(
					where('arg1', 'EQ', unsigned(7)),
					all(binary('NE', binary('BITWISE_AND', field('arg2'), unsigned(cookie)), unsigned(0)), where('arg1', 'GT', unsigned(calls - 4))),
				),
			}),
		],
	});
	const failed = await count(t, sensor.address, { syscall_events: [syscallExit(flooded, { filter_expression: where('ret', 'LT', signed(0)) })] });
	const worked = await count(t, sensor.address, { syscall_events: [syscallExit(flooded, { filter_expression: where('ret', 'GE', signed(0)) })] });

	await steadyFlood(t, calls);
	await failed.settled(calls);
	assert.deepEqual(numbers(low), range(100, 1100));
	assert.deepEqual(numbers(some), [7, calls - 3, calls - 2, calls - 1]);
	assert.deepEqual({ failed: failed.delivered, lost: failed.lost }, { failed: calls, lost: 0 });
	assert.equal(worked.total, 0);
}

test('several subscribers get what each of them asked for, and nothing that only another one asked for', { timeout: 60000 }, async (t) => {
	await expectExactly(t, await startSensor(t));
});

test('the same on a kernel that refuses every filter', { timeout: 60000 }, async (t) => {
	await expectExactly(t, await startSensor(t, [], { under: [load('without_filters')] }));
});

test('what the kernel can decide costs no place in a ring', { timeout: 60000 }, async (t) => {
	const sensor = await startSensor(t);
	const status = statusReader(t, sensor.address);
	const worked = await count(t, sensor.address, { syscall_events: [syscallExit(flooded, { filter_expression: where('ret', 'GE', signed(0)) })] });
	const exits = async () => (await status()).kernel_events.find(({ name }) => name === 'sys_exit');
	const before = Number((await exits()).delivered);

	await flood(t, calls);
	await worked.settled(0);
	assert.match((await exits()).filter, /id == 187 && ret >= 0/);
	assert.equal(Number((await exits()).delivered) - before, 0);
	assert.equal(worked.total, 0);

	// One that has to be decided here is brought along, and not delivered.
	const other = await count(t, sensor.address, {
		syscall_events: [syscallExit(flooded, { filter_expression: all(where('ret', 'EQ', signed(-EBADF)), where('cpu', 'GT', unsigned(4000))) })],
	});

	await flood(t, calls);
	await other.settled(0);
	assert.equal(Number((await exits()).delivered) - before, calls);
	assert.equal(other.total, 0);
});
