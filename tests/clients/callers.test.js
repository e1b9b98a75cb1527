// Whose calls are seen.
import assert from 'node:assert/strict';
import { processEvents, statusReader, subscribe, syscallEnter, syscallExit } from './support/client.js';
import { flood, flooded } from './support/load.js';
import { load } from './support/paths.js';
import { run, sleep, until } from './support/process.js';
import { startSensor } from './support/sensor.js';
import { test } from './support/test.js';

// The calls that a busy sensor makes itself: read, write, close, poll, writev, sendmsg, recvmsg, epoll_wait, futex, ...
const own = [0, 1, 3, 7, 9, 11, 16, 20, 28, 35, 44, 45, 46, 47, 202, 228, 230, 232, 257, 270, 281, 291];

test('32-bit callers are told apart: a number means what it means to its caller', async (t) => {
	const sensor = await startSensor(t);
	const sixtyFour = await subscribe(t, sensor.address, { syscall_events: [syscallEnter(flooded), syscallExit(flooded)] });
	const thirtyTwo = await subscribe(t, sensor.address, { syscall_events: [{ ...syscallEnter(flooded), abi: 'SYSCALL_ABI_I386' }] });
	const { pid: pid32 } = await run(t, load('call32'), ['20', String(flooded)]);
	const { pid: pid64 } = await flood(t, 30);

	await Promise.all([sixtyFour.settled(60), thirtyTwo.settled(20)]);
	assert.equal(sixtyFour.events.length, 60);
	assert.ok(sixtyFour.events.every(({ process_pid: pid, syscall: { abi } }) => pid === pid64 && abi === 'SYSCALL_ABI_X86_64'));
	assert.equal(thirtyTwo.events.length, 20);
	thirtyTwo.events.forEach(({ process_pid: pid, syscall: { abi, id, arg0, arg1 } }, i) => {
		assert.deepEqual(
			{ pid, abi, id, arg0, arg1 },
			{ pid: pid32, abi: 'SYSCALL_ABI_I386', id: String(flooded), arg0: '4294967295', arg1: String(i) },
		);
	});
});

test('the sensor never reports its own threads', async (t) => {
	const sensor = await startSensor(t);
	const stream = await subscribe(t, sensor.address, {
		process_events: processEvents,
		syscall_events: own.flatMap((number) => [syscallEnter(number), syscallExit(number)]),
	});
	const status = statusReader(t, sensor.address);

	// It has things to do: connections, subscriptions, and the events of this test's own process.
	for (let i = 0; i < 10; i++) {
		await status();
		const other = await subscribe(t, sensor.address, { ticker_events: [{ interval: '1000000' }] });
		await sleep(20);
		await other.cancel();
	}
	await until(() => stream.events.length > 100, 'events of others');
	assert.deepEqual(stream.events.filter(({ process_pid: pid }) => pid === sensor.pid).slice(0, 3), []);
	await stream.cancel();
});
