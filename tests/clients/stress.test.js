// Clients that come and go in the middle of a flood, in every manner, with random limits, throttles and windows. How many is said by
// RINGSIDE_STRESS_ROUNDS.
import assert from 'node:assert/strict';
import grpc from '@grpc/grpc-js';
import { api, code, insecure, processEvents, statusReader, subscribe, syscallEnter, syscallExit } from './support/client.js';
import { flood, flooded } from './support/load.js';
import { ringside, sanitized } from './support/paths.js';
import { end, sleep, start, until } from './support/process.js';
import { perfDescriptors, startSensor } from './support/sensor.js';
import { test } from './support/test.js';

const rounds = Number(process.env.RINGSIDE_STRESS_ROUNDS ?? (sanitized ? 60 : 200));
const atOnce = 6;
// The worst that a round takes: its longest window, the grace behind it, and a client that is started for it.
const roundTimeout = 30000;

// Numbers from a seed, so that a run can be repeated as far as the kernel and the network let it.
let state = Number(process.env.RINGSIDE_STRESS_SEED ?? 1);
function below(n) {
	state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
	return Math.floor((state / 0x80000000) * n);
}
const oneIn = (n) => below(n) === 0;
const pick = (...list) => list[below(list.length)];

function randomSubscription() {
	const filter = pick(
		{ syscall_events: [syscallEnter(flooded)] },
		{ syscall_events: [syscallEnter(flooded), syscallExit(flooded)], process_events: processEvents },
		{ chargen_events: [{ length: String(1 + below(1000)) }] },
		{ ticker_events: [{ interval: '1000000' }], syscall_events: [syscallEnter(flooded)] },
	);
	const subscription = { event_filter: filter };
	const modifier = {};

	if (oneIn(2))
		modifier.limit = { limit: String(1 + below(5000)) };
	if (oneIn(2))
		modifier.throttle = { interval: String(1 + below(50)), interval_type: 'MILLISECOND' };
	if (oneIn(2))
		subscription.for_duration = { value: String(below(300) * 1000000) };
	if (oneIn(4))
		subscription.since_duration = { value: String(below(100) * 1000000) };
	return { ...subscription, modifier };
}

const GetEvents = api.capsule8.api.v0.TelemetryService.service.GetEvents;
// The same method for clients that do not keep to it: they need not send a request, nor say that they have no more.
const Loose = grpc.makeGenericClientConstructor({ GetEvents: { ...GetEvents, requestStream: true } }, 'Loose');

// Checks what came against the wish.
function watch(call, { modifier, for_duration: window }) {
	const stream = { call, events: 0, begun: false };
	const interval = BigInt(modifier.throttle?.interval ?? 0) * 1000000n;
	let last;

	stream.ended = new Promise((resolve) => {
		call.on('error', () => {});
		call.on('status', resolve);
	});
	stream.wrong = undefined;
	call.on('data', ({ events }) => {
		stream.begun = true;
		for (const { event } of events) {
			if (event.event === 'lost')
				continue;
			const time = BigInt(event.sensor_monotime_nanos);

			if (last !== undefined && time - last < interval)
				stream.wrong = `two events within ${time - last} ns of a throttle of ${interval} ns`;
			last = time;
			stream.events++;
		}
		if (modifier.limit && stream.events > Number(modifier.limit.limit))
			stream.wrong = `${stream.events} events with a limit of ${modifier.limit.limit}`;
	});
	stream.endsByItself = Boolean(window || (modifier.limit && !modifier.throttle));
	return stream;
}

// The ways to go.
const manners = {
	async waitsForTheEnd(client, wish) {
		const stream = watch(client.GetEvents({ subscription: wish }), wish);

		if (!stream.endsByItself) {
			await Promise.race([stream.ended, sleep(50)]);
			stream.call.cancel();
		}
		const status = await stream.ended;

		if (stream.endsByItself)
			assert.equal(status.code, code.OK, status.details);
		return stream;
	},
	async cancels(client, wish) {
		const stream = watch(client.GetEvents({ subscription: wish }), wish);

		if (!oneIn(3))
			await sleep(below(60));
		stream.call.cancel();
		await stream.ended;
		return stream;
	},
	// Stops reading, so that queues fill up, and then goes.
	async stalls(client, wish) {
		const stream = watch(client.GetEvents({ subscription: wish }), wish);

		await sleep(below(20));
		stream.call.pause();
		await sleep(below(150));
		stream.call.cancel();
		await stream.ended;
		return stream;
	},
	// The connection goes, with everything that is on it.
	async hangsUp(client, wish) {
		const stream = watch(client.GetEvents({ subscription: wish }), wish);

		await sleep(below(60));
		client.close();
		stream.call.cancel();
		return stream;
	},
	// A request that is never said to be the only one.
	async neverHalfCloses(client, wish, loose) {
		const call = loose.GetEvents();
		const stream = watch(call, wish);

		call.write({ subscription: wish });
		await sleep(below(60));
		call.cancel();
		await stream.ended;
		return stream;
	},
	// No request at all, but the end of it.
	async halfClosesAtOnce(client, wish, loose) {
		const call = loose.GetEvents();
		const stream = watch(call, wish);

		call.end();
		assert.notEqual((await stream.ended).code, code.OK);
		return stream;
	},
};

async function killsItsClient(t, address) {
	const words = ['watch', '--connect', address, '-o', 'none', '--for', '1s', '--throttle', '1ms', `syscall:${flooded}`, 'process'];
	const child = start(t, ringside, words);

	await sleep(below(200));
	await end(child, 'SIGKILL');
}

async function round(t, address) {
	const client = new api.capsule8.api.v0.TelemetryService(address, insecure(), { 'grpc.use_local_subchannel_pool': 1 });
	const loose = new Loose(address, insecure(), { 'grpc.use_local_subchannel_pool': 1 });
	const [name, manner] = pick(...Object.entries(manners));
	const wish = randomSubscription();

	try {
		const { wrong } = await manner(client, wish, loose);

		assert.equal(wrong, undefined, `${name}: ${JSON.stringify(wish)}`);
	} catch (error) {
		error.message = `${name}: ${JSON.stringify(wish)}: ${error.message}`;
		throw error;
	} finally {
		client.close();
		loose.close();
	}
}

test('clients come and go in mid-flood and the sensor stays what it was', { timeout: 30000 + rounds * roundTimeout / atOnce }, async (t) => {
	const sensor = await startSensor(t);
	const status = statusReader(t, sensor.address);
	const descriptors = perfDescriptors(sensor.pid);
	const kernelEvents = (await status()).kernel_events.length;
	let left = rounds;
	let flooding = true;

	const floods = (async () => {
		while (flooding)
			await flood(t, 100000, { spacingNs: oneIn(2) ? 0 : 10000 });
	})();
	const worker = async () => {
		while (left-- > 0) {
			if (oneIn(15))
				await killsItsClient(t, sensor.address);
			else
				await round(t, sensor.address);
			assert.ok(sensor.alive, sensor.log);
		}
	};
	try {
		await Promise.all(Array.from({ length: atOnce }, worker));
	} finally {
		flooding = false;
	}
	await floods;

	await until(async () => (await status()).subscribers.length === 0, 'nobody is left');
	await until(async () => (await status()).kernel_events.length === kernelEvents, 'the kernel events are gone');
	await until(() => perfDescriptors(sensor.pid) === descriptors, () => `${perfDescriptors(sensor.pid)} descriptors, not ${descriptors}`);
	const stream = await subscribe(t, sensor.address, { syscall_events: [syscallEnter(flooded)] }, { modifier: { limit: { limit: '10' } } });
	await flood(t, 10);
	assert.equal((await stream.ended).code, code.OK);
	assert.equal(stream.events.length, 10);
});
