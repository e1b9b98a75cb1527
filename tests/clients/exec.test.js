// A client that we did not write sees a program start, live and end.
import assert from 'node:assert/strict';
import { copyFileSync, chmodSync } from 'node:fs';
import path from 'node:path';
import { processEvents, subscribe, syscallExit } from './support/client.js';
import { buf, load } from './support/paths.js';
import { run, start, until } from './support/process.js';
import { startSensor, temporaryFolder } from './support/sensor.js';
import { test } from './support/test.js';

const oddArguments = ['', 'two words', '"quoted" \'twice\'', 'tab\tnewline\nend', 'Grüße, 世界 🎉', '--flag=*?[a-z]', '-', '$HOME `id` \\', 'x'.repeat(3000)];

// What belongs to the program that ran as `pid`.
const of = (events, pid) => events.filter((event) => event.process_pid === pid);
const find = (stream, pid, type) =>
	stream.find((event) => event.process_pid === pid && event.process?.type === `PROCESS_EVENT_TYPE_${type}`, `${type} of ${pid}`);

test('grpc-js sees the exec of a program with its file name, all arguments, ids, sequence number and time', async (t) => {
	const sensor = await startSensor(t);
	const stream = await subscribe(t, sensor.address, { process_events: processEvents });
	const statuses = await stream.started;
	const child = start(t, '/bin/sh', ['-c', 'exit 42', ...oddArguments]);
	const { code } = await child.done;
	const exec = await find(stream, child.pid, 'EXEC');
	const exit = await find(stream, child.pid, 'EXIT');
	const fork = await stream.find((event) => event.process?.fork_child_pid === child.pid, 'fork');

	assert.equal(statuses.length, 1);
	assert.equal(statuses[0].code, 0);
	assert.equal(code, 42);
	assert.equal(exec.process.exec_filename, '/bin/sh');
	assert.deepEqual(exec.process.exec_command_line, ['/bin/sh', '-c', 'exit 42', ...oddArguments]);
	assert.equal(exec.process.exec_command_line_truncated, false);
	assert.notEqual(exec.process_id, '');
	assert.equal(exec.process_tid, child.pid);
	assert.equal(exec.process_tgid, child.pid);
	assert.equal(fork.process.fork_child_id, exec.process_id);
	assert.equal(fork.process_pid, process.pid);
	assert.equal(exit.process_id, exec.process_id);
	assert.equal(exit.process.exit_code, 42 << 8);
	assert.equal(exit.process.exit_status, 42);
	assert.equal(exit.process.exit_signal, 0);
	assert.equal(exit.process.exit_core_dumped, false);
	assert.deepEqual(exec.process_lineage.slice(0, 2).map(({ pid }) => pid), [child.pid, process.pid]);
	assert.notEqual(exec.sensor_id, '');
	assert.equal(new Set([fork, exec, exit].map(({ id }) => id)).size, 3);
	assert.equal(new Set([fork, exec, exit].map(({ sensor_id: id }) => id)).size, 1);
	for (const [before, after] of [[fork, exec], [exec, exit]]) {
		assert.ok(BigInt(before.sensor_sequence_number) > 0n);
		assert.ok(BigInt(before.sensor_sequence_number) < BigInt(after.sensor_sequence_number));
		assert.ok(BigInt(before.sensor_monotime_nanos) > 0n);
		assert.ok(BigInt(before.sensor_monotime_nanos) <= BigInt(after.sensor_monotime_nanos));
	}
	assert.equal(of(stream.events, child.pid).filter(({ process: { type } }) => type === 'PROCESS_EVENT_TYPE_EXIT').length, 1);
});

test('time is CLOCK_MONOTONIC', async (t) => {
	const sensor = await startSensor(t);
	const stream = await subscribe(t, sensor.address, { process_events: processEvents });
	const before = process.hrtime.bigint();
	const child = start(t, '/bin/true', []);
	await child.done;
	const after = process.hrtime.bigint();
	const exec = await find(stream, child.pid, 'EXEC');

	assert.ok(BigInt(exec.sensor_monotime_nanos) >= before && BigInt(exec.sensor_monotime_nanos) <= after);
});

test('a script is seen by the name that execve was given', async (t) => {
	const folder = temporaryFolder(t);
	const script = path.join(folder, 'a script');
	const sensor = await startSensor(t);
	const stream = await subscribe(t, sensor.address, {
		process_events: [{ type: 'PROCESS_EVENT_TYPE_EXEC', exec_filename: { value: script } }],
	});

	await run(t, '/bin/sh', ['-c', `printf '#!/bin/sh\\nexit 0\\n' >'${script}'; chmod +x '${script}'; '${script}' argument; true`]);
	const exec = await stream.find(() => true, 'exec of the script');

	assert.equal(exec.process.exec_filename, script);
	assert.deepEqual(exec.process.exec_command_line, ['/bin/sh', script, 'argument']);
});

test('exec filters by name and by pattern let through what they name and nothing else', async (t) => {
	const folder = temporaryFolder(t);
	const sensor = await startSensor(t);
	const named = (name) => path.join(folder, name);
	const exec = (more) => ({ type: 'PROCESS_EVENT_TYPE_EXEC', ...more });

	for (const name of ['one', 'two', 'twenty', 'nothing']) {
		copyFileSync('/bin/true', named(name));
		chmodSync(named(name), 0o755);
	}
	const byName = await subscribe(t, sensor.address, { process_events: [exec({ exec_filename: { value: named('one') } })] });
	const byPattern = await subscribe(t, sensor.address, {
		process_events: [exec({ exec_filename_pattern: { value: `${folder}/tw*` } }), exec({ exec_filename_pattern: { value: '*/n?thing' } })],
	});

	for (const name of ['one', 'two', 'twenty', 'nothing'])
		await run(t, named(name), []);
	await byPattern.find(({ process: { exec_filename: file } }) => file === named('nothing'), 'the last exec');
	await byName.find(() => true, 'the exec of "one"');
	const files = (stream) => stream.events.map(({ process: { exec_filename: file } }) => path.basename(file));

	assert.deepEqual(files(byName), ['one']);
	assert.deepEqual(files(byPattern), ['two', 'twenty', 'nothing']);
});

test('every way to end is told as wait tells it', async (t) => {
	const folder = temporaryFolder(t);
	const sensor = await startSensor(t);
	const stream = await subscribe(t, sensor.address, { process_events: processEvents });
	const { out } = await run(t, load('exit_ways'), [], { cwd: folder });
	const ways = out
		.trim()
		.split('\n')
		.map((line) => line.split(' '))
		.map(([pid, status, name]) => ({ pid: Number(pid), status: Number(status), name }));
	const told = [];

	for (const { pid, name } of ways) {
		const { process: exit } = await find(stream, pid, 'EXIT');
		assert.equal(exit.exit_code_unknown, false, name);
		assert.equal(exit.exit_status, (exit.exit_code & 0x7f) === 0 ? (exit.exit_code >> 8) & 0xff : 0, name);
		assert.equal(exit.exit_signal, exit.exit_code & 0x7f, name);
		assert.equal(exit.exit_core_dumped, (exit.exit_code & 0x80) !== 0, name);
		told.push({ pid, status: exit.exit_code, name });
	}
	assert.equal(ways.length, 14);
	assert.deepEqual(told, ways);
	const exits = stream.events.filter(({ process: { type } }) => type === 'PROCESS_EVENT_TYPE_EXIT');
	for (const { pid, name } of ways)
		assert.equal(of(exits, pid).length, 1, `${name}: one exit per process, whatever its threads`);
});

test('an exit filter lets through the status that it names', async (t) => {
	const sensor = await startSensor(t);
	const stream = await subscribe(t, sensor.address, {
		process_events: [{ type: 'PROCESS_EVENT_TYPE_EXIT', exit_code: { value: 77 << 8 } }],
	});
	const status = (code) => start(t, '/bin/sh', ['-c', `exit ${code}`]).done;

	await status(76);
	await status(77);
	await status(78);
	await stream.find(() => true, 'exit 77');
	assert.deepEqual(stream.events.map(({ process: { exit_status: code } }) => code), [77]);
});

test('a syscall is seen with its arguments and its result, by the thread that made it', async (t) => {
	const sensor = await startSensor(t);
	const stream = await subscribe(t, sensor.address, {
		syscall_events: [
			{ type: 'SYSCALL_EVENT_TYPE_ENTER', id: { value: 187 }, arg1: { value: 3 } },
			syscallExit(187, { ret: { value: -9 } }),
		],
	});
	const flood = start(t, load('syscall_flood'), ['5']);
	await flood.done;
	await until(() => stream.events.length >= 6, 'six events');
	const enters = stream.events.filter(({ syscall: { type } }) => type === 'SYSCALL_EVENT_TYPE_ENTER');
	const exits = stream.events.filter(({ syscall: { type } }) => type === 'SYSCALL_EVENT_TYPE_EXIT');

	assert.equal(enters.length, 1);
	assert.equal(exits.length, 5);
	assert.equal(enters[0].syscall.id, '187');
	assert.equal(enters[0].syscall.arg0, '18446744073709551615');
	assert.equal(enters[0].syscall.arg1, '3');
	assert.equal(enters[0].syscall.arg2, String(0x72696e67));
	assert.equal(exits[0].syscall.ret, '-9');
	for (const event of stream.events) {
		assert.equal(event.process_pid, flood.pid);
		assert.equal(event.process_tid, flood.pid);
		assert.equal(event.process_lineage[0].command, 'syscall_flood');
	}
});

test('buf curl sees an exec through reflection alone', async (t) => {
	const sensor = await startSensor(t);
	const marker = `marker ${process.pid}`;
	const request = {
		subscription: {
			eventFilter: { processEvents: [{ type: 'PROCESS_EVENT_TYPE_EXEC', execFilename: '/bin/echo' }] },
			modifier: { limit: { limit: '1' } },
		},
	};
	const curl = start(t, buf, [
		'curl', '--protocol', 'grpc', '--http2-prior-knowledge', '--timeout', '30s', '--unix-socket', sensor.socket,
		'--data', JSON.stringify(request), 'http://localhost/capsule8.api.v0.TelemetryService/GetEvents',
	]);

	// Its first response says that the subscription is active.
	await until(() => curl.out.includes('statuses') || curl.exitCode !== null, 'first response', 20000);
	await run(t, '/bin/echo', [marker]);
	const { code, out, err } = await curl.done;
	const responses = out.replaceAll(/\n?\}\n\{/g, '}\0{').split('\0').map((text) => JSON.parse(text));
	const event = responses.flatMap(({ events = [] }) => events)[0]?.event;

	assert.equal(code, 0, err);
	assert.equal(event.process.type, 'PROCESS_EVENT_TYPE_EXEC');
	assert.equal(event.process.execFilename, '/bin/echo');
	assert.deepEqual(event.process.execCommandLine, ['/bin/echo', marker]);
	assert.ok(event.processId);
	assert.ok(Number(event.processPid) > 0);
	assert.ok(BigInt(event.sensorSequenceNumber) > 0n);
	assert.ok(BigInt(event.sensorMonotimeNanos) > 0n);
});

test('buf curl lists the services through both versions of reflection', async (t) => {
	const sensor = await startSensor(t);

	for (const version of ['grpc-v1', 'grpc-v1alpha']) {
		const { out } = await run(t, buf, [
			'curl', '--protocol', 'grpc', '--http2-prior-knowledge', '--timeout', '30s', '--unix-socket', sensor.socket,
			'--reflect-protocol', version, '--list-methods', 'http://localhost',
		]);
		for (const method of [
			'capsule8.api.v0.TelemetryService/GetEvents',
			'grpc.health.v1.Health/Check',
			'ringside.v0.SensorService/GetStatus',
			'ringside.v0.SensorService/ListContainers',
		])
			assert.ok(out.split('\n').includes(method), `${version}: ${out}`);
	}
});

test('a sensor that listens on a TCP port of the loopback serves there too', async (t) => {
	const sensor = await startSensor(t, ['--listen', '127.0.0.1:0']);
	const port = await until(() => /127\.0\.0\.1:([1-9]\d*)/.exec(sensor.log)?.[1], () => `port in the log:\n${sensor.log}`);
	const stream = await subscribe(t, `127.0.0.1:${port}`, { ticker_events: [{ interval: '1000000' }] });

	await stream.find(({ ticker }) => ticker, 'tick');
});
