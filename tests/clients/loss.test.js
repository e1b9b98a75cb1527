// No loss without a report, and none at all where there is room.
import assert from 'node:assert/strict';
import { count, statusReader, subscribe, syscallEnter } from './support/client.js';
import { flood, flooded, lookupDcookie, steadyFlood } from './support/load.js';
import { ringside, sanitized } from './support/paths.js';
import { run, start, until } from './support/process.js';
import { startSensor } from './support/sensor.js';
import { test } from './support/test.js';

const million = 1000000;
// What a sensor with sanitizers gets in a flood is the same, more slowly.
const many = sanitized ? 200000 : million;

test('with a ring too small, delivered and reported lost are exactly what happened, ten times in a row', { timeout: 300000 }, async (t) => {
	const sensor = await startSensor(t, ['--ring-memory', '16KiB']);
	const counter = await count(t, sensor.address, { syscall_events: [syscallEnter(flooded)] });
	let lost = 0;

	for (let round = 1; round <= 10; round++) {
		await flood(t, many);
		await counter.settled(round * many);
		assert.equal(counter.total, round * many, `round ${round}: ${counter.delivered} delivered, ${counter.lost} lost`);
		assert.ok(counter.delivered > 0);
		lost = counter.lost;
	}
	t.diagnostic(`${counter.delivered} delivered, ${counter.lost} lost: ${JSON.stringify(counter.lostByCause)}`);
	// Otherwise the test has not tested what it is for.
	assert.ok(lost > 0);
});

test('a loss in the ring is told to whom it concerns and to nobody else', async (t) => {
	const sensor = await startSensor(t, ['--ring-memory', '16KiB']);
	const concerned = await count(t, sensor.address, { syscall_events: [syscallEnter(flooded)] });
	const other = await subscribe(t, sensor.address, { syscall_events: [syscallEnter(lookupDcookie)] });

	await flood(t, million);
	await concerned.settled(million);
	await flood(t, 3, { number: lookupDcookie });
	const calls = () => other.events.filter(({ syscall }) => syscall).length;
	await until(() => calls() >= 3, 'the three calls of the other');
	assert.equal(concerned.total, million);
	// Both syscalls come through one tracepoint: while both are wanted, what was lost there may have been either.
	assert.equal(calls(), 3);
});

test('with default rings and a client that reads nothing is lost', { timeout: 120000 }, async (t) => {
	const calls = sanitized ? 100000 : million;
	// A client with a sanitizer in it is not attentive.
	const sensor = await startSensor(t, sanitized ? ['--queue-memory', '512MiB'] : []);
	const status = statusReader(t, sensor.address);
	// It ends by itself after the last call: an empty queue in the sensor says nothing of what still is on its way through the socket.
	const words = ['watch', '--connect', sensor.address, '-o', 'none', '-n', String(calls), `syscall:${flooded}:enter`];
	const watch = start(t, ringside, words);

	await until(async () => (await status()).subscribers.length === 1, 'the subscription of `ringside watch`');
	await flood(t, calls);
	const giveUp = setTimeout(() => watch.kill('SIGINT'), 60000);
	const { code, out, err } = await watch.done;
	clearTimeout(giveUp);

	assert.equal(code, 0, err);
	// "N events, M lost", whatever stands around it and however the number is grouped.
	const [, events, lost] = /([\d,.' ]+) events?\b.*?([\d,.' ]+) lost/s.exec(out + err).map((text) => Number(text.replaceAll(/[,.' ]/g, '')));
	assert.deepEqual({ events, lost }, { events: calls, lost: 0 });
});

test('with default rings every single call of a flood arrives, in order, once', { timeout: 120000 }, async (t) => {
	const calls = 200000;
	const sensor = await startSensor(t, ['--queue-memory', '512MiB']);
	let next = 0;
	let sequence = 0;
	const wrong = [];
	const counter = await count(
		t,
		sensor.address,
		{ syscall_events: [syscallEnter(flooded)] },
		{
			each: (event) => {
				if ((event.arg1 !== next || event.sequence !== sequence + 1) && sequence !== 0)
					wrong.push(event);
				next = event.arg1 + 1;
				sequence = event.sequence;
			},
		},
	);

	await steadyFlood(t, calls);
	await counter.settled(calls);
	assert.deepEqual({ delivered: counter.delivered, lost: counter.lost, wrong }, { delivered: calls, lost: 0, wrong: [] });
	assert.equal(next, calls);
});
