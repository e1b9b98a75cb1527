// The tests' own counter of encoded responses, against a real encoder.
import assert from 'node:assert/strict';
import protoLoader from '@grpc/proto-loader';
import { proto } from './support/paths.js';
import { test } from './support/test.js';
import { scan } from './support/wire.js';

const { GetEvents } = protoLoader.loadSync('capsule8/api/v0/telemetry_service.proto', { includeDirs: [proto], keepCase: true })[
	'capsule8.api.v0.TelemetryService'
];

test('events and losses of a response are counted without decoding it', () => {
	const events = [
		{ event: { process_pid: 4711, sensor_sequence_number: 1099511627776, id: 'x'.repeat(300), syscall: { id: 187, arg1: 12345, ret: -9 } } },
		{ event: { lost: { lost: 5000000000, cause: 1 }, cpu: 1 } },
		{ event: { process_pid: 1, process_lineage: [{ pid: -1, command: 'a' }], process: { exec_command_line: ['a', ''] } } },
		{ event: { lost: { lost: 3, cause: 2 } } },
	];
	const seen = [];

	assert.deepEqual(
		scan(GetEvents.responseSerialize({ events, statuses: [{ code: 0, message: 'fine' }] }), (event) => seen.push(event)),
		{ events: 2, lost: 5000000003, lostByCause: { 1: 5000000000, 2: 3 } },
	);
	assert.equal(seen[0].pid, 4711);
	assert.equal(seen[0].sequence, 1099511627776);
	assert.equal(seen[0].arg1, 12345);
});

test('a response that is cut off is an error', () => {
	const bytes = GetEvents.responseSerialize({ events: [{ event: { id: 'abcdef' } }] });

	assert.throws(() => scan(bytes.subarray(0, bytes.length - 1)));
});
