// Subscribers share what they have in common, and nothing else.
import assert from 'node:assert/strict';
import { count, open, processEvents, statusReader, subscribe, syscallEnter, syscallExit } from './support/client.js';
import { cookie, flood, flooded, lookupDcookie, steadyFlood } from './support/load.js';
import { ringside } from './support/paths.js';
import { end, run, sleep, start, until } from './support/process.js';
import { perfDescriptors, startSensor } from './support/sensor.js';
import { test } from './support/test.js';

// How fast a client in JavaScript is, on a busy machine at that, is not what is asked here.
const patient = ['--ring-memory', '256MiB', '--queue-memory', '512MiB'];
const kernelEvents = ({ kernel_events: events }) => events.map(({ system, name, filter }) => `${system}:${name} ${filter}`).sort();

test('two identical subscriptions cost one set of kernel events and each gets every event', async (t) => {
	const calls = 50000;
	const sensor = await startSensor(t, patient);
	const status = statusReader(t, sensor.address);
	const filter = { syscall_events: [syscallEnter(flooded), syscallExit(flooded)], process_events: processEvents };
	const none = kernelEvents(await status());
	const first = await count(t, sensor.address, { syscall_events: filter.syscall_events });
	const one = kernelEvents(await status());
	const descriptors = perfDescriptors(sensor.pid);
	const second = await count(t, sensor.address, { syscall_events: filter.syscall_events });
	const two = kernelEvents(await status());

	assert.ok(one.length > none.length);
	assert.deepEqual(two, one);
	assert.equal(perfDescriptors(sensor.pid), descriptors);
	assert.equal((await status()).subscribers.length, 2);
	await steadyFlood(t, calls);
	await first.settled(2 * calls);
	await second.settled(2 * calls);
	for (const counter of [first, second])
		assert.deepEqual({ delivered: counter.delivered, lost: counter.lost }, { delivered: 2 * calls, lost: 0 });

	await first.cancel();
	await until(async () => (await status()).subscribers.length === 1, 'the first is gone');
	assert.deepEqual(kernelEvents(await status()), one);
	await flood(t, 10);
	await second.settled(2 * calls + 20);
	assert.equal(second.total, 2 * calls + 20);
	await second.cancel();
	await until(async () => (await status()).subscribers.length === 0, 'the second is gone');
	await until(async () => kernelEvents(await status()).length === none.length, 'the kernel events are gone');
	assert.deepEqual(kernelEvents(await status()), none);
});

test('`ringside status -o json` tells what the service tells', async (t) => {
	const sensor = await startSensor(t);
	const stream = await subscribe(t, sensor.address, { syscall_events: [syscallEnter(flooded)] });
	const { out } = await run(t, ringside, ['status', '--connect', sensor.address, '-o', 'json']);
	const status = JSON.parse(out);

	assert.equal(status.pid, sensor.pid);
	assert.equal(status.subscribers.length, 1);
	assert.ok(status.kernelEvents.some(({ system, name }) => system === 'raw_syscalls' && name === 'sys_enter'));
	await stream.cancel();
});

test('the kernel filter names exactly the syscalls that are wanted', async (t) => {
	const sensor = await startSensor(t);
	const status = statusReader(t, sensor.address);
	const filterOf = async () => (await status()).kernel_events.find(({ name }) => name === 'sys_enter')?.filter ?? '';

	await subscribe(t, sensor.address, { syscall_events: [syscallEnter(flooded)] });
	assert.match(await filterOf(), /\b187\b/);
	const other = await subscribe(t, sensor.address, { syscall_events: [syscallEnter(lookupDcookie)] });
	assert.match(await filterOf(), /\b187\b/);
	assert.match(await filterOf(), /\b212\b/);
	await other.cancel();
	await until(async () => !/\b212\b/.test(await filterOf()), 'a filter without 212');
	assert.match(await filterOf(), /\b187\b/);
});

test('a client that is killed releases its share within a second', async (t) => {
	const sensor = await startSensor(t);
	const status = statusReader(t, sensor.address);
	const none = kernelEvents(await status());
	const watch = start(t, ringside, ['watch', '--connect', sensor.address, '-o', 'none', `syscall:${flooded}`]);

	await until(async () => (await status()).subscribers.length === 1, 'the subscription');
	assert.notDeepEqual(kernelEvents(await status()), none);
	await end(watch, 'SIGKILL');
	await until(
		async () => {
			const now = await status();
			return now.subscribers.length === 0 && kernelEvents(now).length === none.length;
		},
		'its share is released',
		1000,
	);
	assert.deepEqual(kernelEvents(await status()), none);
});

test('a client that does not read costs the other nothing, and is told its own loss when it reads on', { timeout: 120000 }, async (t) => {
	const total = 400000;
	const sensor = await startSensor(t, ['--queue-memory', '32MiB']);
	const reader = await count(t, sensor.address, { syscall_events: [syscallEnter(flooded)] });
	const sleeper = await count(t, sensor.address, { syscall_events: [syscallEnter(flooded)] });

	sleeper.call.pause();
	await steadyFlood(t, total);
	await reader.settled(total);
	assert.deepEqual({ delivered: reader.delivered, lost: reader.lost }, { delivered: total, lost: 0 });
	const unread = sleeper.total;
	assert.ok(unread < total);

	sleeper.call.resume();
	await sleeper.settled(total);
	assert.equal(sleeper.total, total);
	assert.ok(sleeper.lost > 0);
	t.diagnostic(`sleeper: ${unread} before it slept in, ${sleeper.delivered} delivered, ${sleeper.lost} lost`);
	assert.deepEqual(Object.keys(sleeper.lostByCause), ['2']);

	// And goes on as if nothing had been.
	await flood(t, 100);
	await sleeper.settled(total + 100);
	assert.equal(sleeper.total, total + 100);
	assert.equal(reader.lost, 0);
});

test('what others subscribe to and leave again costs nobody an event', { timeout: 120000 }, async (t) => {
	const changes = 30;
	const calls = 100000;
	const sensor = await startSensor(t, patient);
	const counter = await count(t, sensor.address, { syscall_events: [syscallEnter(flooded, { arg2: { value: cookie } })] });
	let floods = 0;
	let others = 0;
	let flooding = true;

	const load = (async () => {
		while (others < changes || floods < 4) {
			await steadyFlood(t, calls);
			floods++;
		}
		flooding = false;
	})();
	load.catch(() => {
		flooding = false;
	});
	while (flooding) {
		// Calls that nobody makes.
		const numbers = [lookupDcookie, 134, 136, 139].slice(others % 3);
		const stream = await subscribe(t, sensor.address, {
			syscall_events: numbers.flatMap((number) => [syscallEnter(number), syscallExit(number)]),
		});
		await sleep(5);
		await stream.cancel();
		others++;
	}
	await load;
	await counter.settled(floods * calls);
	t.diagnostic(`${others} others came and went in ${floods} floods; lost by cause: ${JSON.stringify(counter.lostByCause)}`);
	assert.deepEqual({ delivered: counter.delivered, lost: counter.lost }, { delivered: floods * calls, lost: 0 });
});

test('many streams at once each get every event', async (t) => {
	const sensor = await startSensor(t);
	const streams = await Promise.all(
		Array.from({ length: 40 }, (_, i) => subscribe(t, sensor.address, { syscall_events: [syscallEnter(i % 2 ? flooded : lookupDcookie)] })),
	);

	await flood(t, 50);
	await flood(t, 50, { number: lookupDcookie });
	await Promise.all(streams.map((stream) => stream.settled(50)));
	streams.forEach(({ events }, i) => {
		assert.equal(events.length, 50);
		assert.ok(events.every(({ syscall: { id } }) => id === String(i % 2 ? flooded : lookupDcookie)));
	});
	await Promise.all(streams.map((stream) => stream.cancel()));
});

test('a limit ends the stream with OK after exactly so many events', async (t) => {
	const sensor = await startSensor(t);
	const limit = (count) => ({ modifier: { limit: { limit: String(count) } } });
	const filter = { syscall_events: [syscallEnter(flooded)] };
	const limited = await subscribe(t, sensor.address, filter, limit(7));
	const other = await subscribe(t, sensor.address, filter);
	const ticking = open(t, sensor.address, { event_filter: { ticker_events: [{ interval: '1000000' }] }, ...limit(3) });

	await flood(t, 20);
	assert.equal((await limited.ended).code, 0);
	assert.equal(limited.events.length, 7);
	assert.deepEqual(limited.events.map(({ syscall: { arg1 } }) => arg1), ['0', '1', '2', '3', '4', '5', '6']);
	assert.equal((await ticking.ended).code, 0);
	assert.equal(ticking.events.length, 3);
	await until(() => other.events.length === 20, 'all for the other');
});
