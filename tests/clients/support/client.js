// A client as anyone could write it: @grpc/grpc-js with the .proto files.
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';
import { cleanup } from './cleanup.js';
import { scan } from './wire.js';
import { proto } from './paths.js';
import { sleep, until } from './process.js';

const definition = protoLoader.loadSync(
	[
		'capsule8/api/v0/telemetry_service.proto',
		'capsule8/api/v0/pubsub_service.proto',
		'grpc/health/v1/health.proto',
		'ringside/v0/sensor.proto',
	],
	{ includeDirs: [proto], keepCase: true, longs: String, enums: String, defaults: true, oneofs: true },
);
export const api = grpc.loadPackageDefinition(definition);
export const code = grpc.status;
export const insecure = grpc.credentials.createInsecure;

const GetEvents = definition['capsule8.api.v0.TelemetryService'].GetEvents;
// The same method with the response left as it came, for floods.
const RawTelemetry = grpc.makeGenericClientConstructor(
	{ GetEvents: { ...GetEvents, responseDeserialize: (bytes) => bytes } },
	'RawTelemetry',
);

// Each client has a connection of its own, as each would in a process of its own.
function connect(t, Service, address) {
	const client = new Service(address, insecure(), { 'grpc.use_local_subchannel_pool': 1 });

	cleanup(t, () => client.close());
	return client;
}

// How a stream ended: { code, details }.
function ending(call) {
	return new Promise((resolve) => {
		call.on('error', () => {});
		call.on('status', (status) => resolve({ code: status.code, details: status.details }));
	});
}

// Resolves with the statuses of the first response; fails when the stream ends before.
function beginning(stream) {
	return new Promise((resolve, reject) => {
		stream.begin = resolve;
		stream.ended.then((status) => reject(new Error(`the stream ended first: ${status.code} ${status.details}`)));
	});
}

// Waits until so many are there, and then a little longer, so that one too many would show.
async function settle(there, count, what, timeout) {
	await until(() => there() >= count, what, timeout);
	await sleep(400);
}

// A subscription whose events are decoded and kept in .events, loss reports among them in .lost.
class Subscription {
	constructor(client, subscription) {
		this.events = [];
		this.responses = 0;
		this.lost = 0;
		this.call = client.GetEvents({ subscription });
		this.ended = ending(this.call);
		this.started = beginning(this);
		this.started.catch(() => {});
		this.call.on('data', (response) => this.take(response));
	}

	take(response) {
		if (this.responses++ === 0)
			this.begin(response.statuses);
		for (const { event } of response.events) {
			this.events.push(event);
			if (event.event === 'lost')
				this.lost += Number(event.lost.lost);
		}
	}

	// Waits for an event.
	find(matches, what, timeout = 10000) {
		return until(
			() => this.events.find(matches),
			() => `${what}; ${this.events.length} other events`,
			timeout,
		);
	}

	// So many of those that match.
	settled(count, matches = () => true, timeout = 30000) {
		const there = () => this.events.filter(matches).length;

		return settle(there, count, () => `${there()} of ${count} events`, timeout);
	}

	// Ends it and waits for that.
	async cancel() {
		this.call.cancel();
		return this.ended;
	}
}

// A subscription whose events are only counted, by kind, without decoding them: for floods.
class Counter {
	constructor(client, subscription, { each } = {}) {
		this.delivered = 0;
		this.lost = 0;
		this.lostByCause = {};
		this.responses = 0;
		this.call = client.GetEvents({ subscription });
		this.ended = ending(this.call);
		this.started = beginning(this);
		this.started.catch(() => {});
		this.call.on('data', (bytes) => {
			const found = scan(bytes, each);

			if (this.responses++ === 0)
				this.begin();
			this.delivered += found.events;
			this.lost += found.lost;
			for (const [cause, count] of Object.entries(found.lostByCause))
				this.lostByCause[cause] = (this.lostByCause[cause] ?? 0) + count;
		});
	}

	get total() {
		return this.delivered + this.lost;
	}

	// So many are accounted for.
	settled(total, timeout = 30000) {
		return settle(() => this.total, total, () => `${total} events: ${this.delivered} delivered, ${this.lost} lost`, timeout);
	}

	async cancel() {
		this.call.cancel();
		return this.ended;
	}
}

// Subscribes and waits until the subscription is active.
export async function subscribe(t, address, filter, rest = {}) {
	const stream = open(t, address, { event_filter: filter, ...rest });

	await stream.started;
	return stream;
}

// Subscribes without waiting, with whatever is given as Subscription.
export function open(t, address, subscription) {
	return new Subscription(connect(t, api.capsule8.api.v0.TelemetryService, address), subscription);
}

export async function count(t, address, filter, options) {
	const counter = new Counter(connect(t, RawTelemetry, address), { event_filter: filter }, options);

	await counter.started;
	return counter;
}

function unary(client, method, request) {
	return new Promise((resolve, reject) => {
		client[method](request, { deadline: Date.now() + 10000 }, (error, response) => (error ? reject(error) : resolve(response)));
	});
}

export function health(t, address, service = '') {
	return unary(connect(t, api.grpc.health.v1.Health, address), 'Check', { service });
}

// Whether the sensor answers at this address by now.
export function ready(t, address, timeout) {
	const client = connect(t, api.grpc.health.v1.Health, address);

	return new Promise((resolve, reject) => {
		client.waitForReady(Date.now() + timeout, (error) => (error ? reject(error) : resolve()));
	});
}

// A function that asks the sensor for its state.
export function statusReader(t, address) {
	const client = connect(t, api.ringside.v0.SensorService, address);

	return () => unary(client, 'GetStatus', {});
}

// A function that asks the sensor for the containers that it knows.
export function containerLister(t, address) {
	const client = connect(t, api.ringside.v0.SensorService, address);

	return (request = {}) =>
		new Promise((resolve, reject) => {
			const call = client.ListContainers(request, { deadline: Date.now() + 10000 });
			const containers = [];

			call.on('data', (response) => containers.push(...response.containers));
			call.on('error', reject);
			call.on('end', () => resolve(containers));
		});
}

export const syscallEnter = (id, more = {}) => ({ type: 'SYSCALL_EVENT_TYPE_ENTER', id: { value: id }, ...more });
export const syscallExit = (id, more = {}) => ({ type: 'SYSCALL_EVENT_TYPE_EXIT', id: { value: id }, ...more });
export const processEvents = ['FORK', 'EXEC', 'EXIT'].map((type) => ({ type: `PROCESS_EVENT_TYPE_${type}` }));

// Expressions of the second generation: where('ret', 'LT', signed(0)), all(a, b).
export const field = (identifier) => ({ type: 'IDENTIFIER', identifier });
export const signed = (value) => ({ type: 'VALUE', value: { type: 'SINT64', signed_value: String(value) } });
export const unsigned = (value) => ({ type: 'VALUE', value: { type: 'UINT64', unsigned_value: String(value) } });
export const text = (value) => ({ type: 'VALUE', value: { type: 'STRING', string_value: value } });
export const binary = (type, lhs, rhs) => ({ type, binary_op: { lhs, rhs } });
export const where = (name, type, value) => binary(type, field(name), value);
export const all = (...conditions) => conditions.reduce((lhs, rhs) => binary('LOGICAL_AND', lhs, rhs));
export const any = (...conditions) => conditions.reduce((lhs, rhs) => binary('LOGICAL_OR', lhs, rhs));
