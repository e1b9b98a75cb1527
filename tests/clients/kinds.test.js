// Every other kind of event, as a client in another language sees it on the wire: maps, addresses, credentials, counters, statuses.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { code, open, subscribe, syscallEnter } from './support/client.js';
import { flood, flooded } from './support/load.js';
import { load } from './support/paths.js';
import { run, until } from './support/process.js';
import { startSensor, temporaryFolder } from './support/sensor.js';
import { probesOf } from './support/tracefs.js';
import { test } from './support/test.js';

// Does things in a folder (tests/load/doings.c).
const doings = (t, folder, ...what) => run(t, load('doings'), [folder, ...what]);

test('an open has its name as it was given, its path, its flags and whose rights it had', async (t) => {
	const folder = temporaryFolder(t);
	const sensor = await startSensor(t);
	const stream = await subscribe(t, sensor.address, { file_events: [{ type: 'FILE_EVENT_TYPE_OPEN' }] });

	await doings(t, folder, 'w:odd-name');
	const event = await stream.find(({ file }) => file?.filename === 'odd-name', 'the open');
	assert.equal(event.file.type, 'FILE_EVENT_TYPE_OPEN');
	assert.equal(event.file.path, path.join(folder, 'odd-name'));
	assert.equal(event.file.open_flags & 0o1101, 0o1101, 'O_WRONLY, O_CREAT, O_TRUNC');
	assert.equal(event.file.open_mode, 0o666);
	assert.equal(event.credentials.uid, 0);
	assert.equal(event.credentials.fsgid, 0);
});

test('an open filter takes names, patterns and any of the bits of a mask', async (t) => {
	const folder = temporaryFolder(t);
	const sensor = await startSensor(t);
	const filters = [
		{ filename: { value: `${folder}/exact` } },
		{ filename_pattern: { value: '*/pattern-*' } },
		{ filename_pattern: { value: '*/mask-*' }, open_flags_mask: { value: 0o2000 } },
	];
	const stream = await subscribe(t, sensor.address, { file_events: filters.map((filter) => ({ type: 'FILE_EVENT_TYPE_OPEN', ...filter })) });

	await doings(t, folder, ...['w:exact', 'w:exactly', 'a:pattern-x', 'w:mask-no', 'a:mask-yes'].map((what) => what.replace(':', `:${folder}/`)));
	await stream.find(({ file }) => file?.filename.endsWith('mask-yes'), 'the last open');
	assert.deepEqual(
		stream.events.filter(({ file }) => file?.filename.startsWith(folder)).map(({ file }) => path.basename(file.filename)),
		['exact', 'pattern-x', 'mask-yes'],
	);
});

test('a connection attempt has its address in network order, and its result', async (t) => {
	const server = createServer();
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.after(() => server.close());
	const { port } = server.address();
	const sensor = await startSensor(t);
	const stream = await subscribe(t, sensor.address, {
		network_events: [{ type: 'NETWORK_EVENT_TYPE_CONNECT_ATTEMPT' }, { type: 'NETWORK_EVENT_TYPE_CONNECT_RESULT' }],
	});

	await doings(t, '/', `c:${port}`);
	const attempt = await stream.find(({ network }) => network?.address?.ipv4_address?.port === ((port & 0xff) << 8 | port >> 8), 'the attempt');
	assert.equal(attempt.network.address.family, 'NETWORK_ADDRESS_FAMILY_INET');
	assert.equal(attempt.network.address.ipv4_address.address.address, 16777343);
	assert.ok(Number(attempt.network.sockfd) >= 3);
	const result = await stream.find(
		({ network, process_pid: pid }) => network?.type === 'NETWORK_EVENT_TYPE_CONNECT_RESULT' && pid === attempt.process_pid,
		'the result',
	);
	assert.equal(result.network.result, '0');
});

test('a function of a program is watched by its name, with arguments of all types, and its return', async (t) => {
	const sensor = await startSensor(t);
	const argument = { number: '%di:s32', text: '+0(%si):string', member: '+8(%dx):s64' };
	const executable = load('calls');
	const stream = await subscribe(t, sensor.address, {
		user_events: [
			{ type: 'USER_FUNCTION_CALL_EVENT_TYPE_ENTER', executable, symbol: 'take', arguments: argument },
			{ type: 'USER_FUNCTION_CALL_EVENT_TYPE_EXIT', executable, symbol: 'take', arguments: { ret: '$retval:s32' } },
		],
	});

	assert.equal(probesOf(sensor.pid).length, 2);
	await run(t, executable, ['-7', 'some text', '123456789012']);
	const enter = await stream.find(({ user_call: call }) => call?.arguments.text, 'the call');
	assert.deepEqual(enter.user_call.arguments.number, { field_type: 'SINT32', value: 'signed_value', signed_value: '-7' });
	assert.equal(enter.user_call.arguments.text.string_value, 'some text');
	assert.equal(enter.user_call.arguments.member.signed_value, '123456789012');
	const exit = await stream.find(({ user_call: call }) => call?.arguments.ret, 'the return');
	assert.equal(exit.user_call.arguments.ret.signed_value, '-8');
	assert.equal(exit.process_id, enter.process_id);
	await stream.cancel();
	await until(() => probesOf(sensor.pid).length === 0, 'the probes go with the subscription');
});

test('a wrong function or fetcharg is refused with the reason, and the other clauses run', async (t) => {
	const sensor = await startSensor(t);
	const executable = load('calls');
	const wanted = (symbol, fetcharg) => ({ type: 1, executable, symbol, arguments: fetcharg ? { a: fetcharg } : {} });
	const stream = await subscribe(t, sensor.address, {
		syscall_events: [syscallEnter(flooded)],
		user_events: [wanted('no_such_function'), wanted('take', '%nonsense:s32'), wanted('take', '+0(%di):strong')],
	});
	const statuses = await stream.started;

	assert.deepEqual(statuses.map(({ code: refusal }) => refusal), [code.INVALID_ARGUMENT, code.INVALID_ARGUMENT, code.INVALID_ARGUMENT]);
	assert.match(statuses[0].message, /no_such_function/);
	assert.match(statuses[1].message, /nonsense/);
	assert.match(statuses[2].message, /strong/);
	await flood(t, 4);
	await until(() => stream.events.length >= 4, 'four calls');
});

test('functions are served on a unix socket only, unless the sensor was told otherwise', async (t) => {
	const filter = { user_events: [{ type: 1, executable: load('calls'), symbol: 'take' }] };

	for (const [args, refused] of [[[], true], [['--allow-remote-calls'], false]]) {
		const sensor = await startSensor(t, ['--listen', '127.0.0.1:0', ...args]);
		const address = await until(() => /([0-9.]+:[1-9][0-9]*)"?/.exec(sensor.log)?.[1], 'the address');
		const stream = open(t, address, { event_filter: filter });
		const statuses = await stream.started;

		assert.equal(statuses[0].code, refused ? code.PERMISSION_DENIED : 0);
		if (refused)
			assert.match(statuses[0].message, /allow-remote-calls/);
		await stream.cancel();
		await sensor.stop();
	}
});

test('counters come as a group, in the order that was asked for', async (t) => {
	const sensor = await startSensor(t);
	const counters = [0, 2, 3].map((config) => ({ type: 'PERFORMANCE_EVENT_TYPE_SOFTWARE', config }));
	const stream = await subscribe(t, sensor.address, {
		performance_events: [{ events: counters, sample_rate_type: 'SAMPLE_RATE_TYPE_PERIOD', period: '10000000' }],
	});

	await flood(t, 300000);
	const { performance } = await stream.find((event) => event.performance, 'a sample');
	assert.deepEqual(performance.values.map(({ type, config }) => [type, Number(config)]), counters.map(({ type, config }) => [type, config]));
	assert.ok(BigInt(performance.total_time_enabled) >= BigInt(performance.total_time_running));
	assert.ok(BigInt(performance.total_time_running) > 0n);
	assert.ok(BigInt(performance.values[0].value) >= 10000000n);
});

test('a kind for which every way is forbidden gets a status that says so, and the others run', async (t) => {
	const ways = ['do_filp_open', 'do_file_open', 'do_sys_openat2', 'syscalls'].flatMap((way) => ['--forbid', `file:open/${way}`]);
	const sensor = await startSensor(t, ways);
	const stream = await subscribe(t, sensor.address, {
		file_events: [{ type: 'FILE_EVENT_TYPE_OPEN' }, { type: 'FILE_EVENT_TYPE_DELETE' }],
	});
	const statuses = await stream.started;
	const folder = temporaryFolder(t);

	assert.equal(statuses.length, 1);
	assert.match(statuses[0].message, /file:open.*forbidden/);
	writeFileSync(path.join(folder, 'gone'), '');
	await doings(t, folder, 'u:gone');
	assert.ok(!existsSync(path.join(folder, 'gone')));
	await stream.find(({ file }) => file?.type === 'FILE_EVENT_TYPE_DELETE', 'the delete');
	assert.ok(stream.events.every(({ file }) => file.type === 'FILE_EVENT_TYPE_DELETE'));
});
