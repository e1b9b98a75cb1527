// Requests that break one rule each, with what the refusal has to say: it begins with `path: ` and has `reason` in it. `node
// tests/clients/support/invalid_subscriptions.js` writes them to tests/data/invalid_subscriptions.json, one a line, which the decoder's test reads
// as well. Requests are in protobuf's JSON with the names of the .proto files; messages of google.protobuf are written out.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './paths.js';

export const file = path.join(root, 'tests/data/invalid_subscriptions.json');
export const read = () => JSON.parse(readFileSync(file, 'utf8'));

const cases = [];

function add(name, where, reason, subscription) {
	cases.push({ name, path: where, reason, request: subscription === undefined ? {} : { subscription } });
}

// --- What a filter's own fields, and all around filters, can be wrong about.

const filters = (list, ...entries) => ({ event_filter: { [list]: entries } });

function addFilter(name, list, entry, field, reason) {
	add(name, `subscription.event_filter.${list}[0]${field && `.${field}`}`, reason, filters(list, entry));
}

add('nothing', 'subscription', 'not set', undefined);
add('no event filter', 'subscription.event_filter', 'not set', {});
add('an event filter without filters', 'subscription.event_filter', 'empty', { event_filter: {} });

// [what, list, an entry that is right, the first number that is no type]
const families = [
	['syscall', 'syscall_events', { type: 1, id: { value: 1 } }, 3],
	['process', 'process_events', { type: 2 }, 5],
	['file', 'file_events', { type: 1 }, 10],
	['network', 'network_events', { type: 1 }, 13],
	['kernel call', 'kernel_events', { type: 1, symbol: 'x' }, 3],
	['user call', 'user_events', { type: 1, executable: '/bin/sh', symbol: 'main' }, 3],
	['container', 'container_events', { type: 1 }, 6],
];

for (const [what, list, entry, unknown] of families) {
	addFilter(`a ${what} filter without a type`, list, { ...entry, type: 0 }, 'type', '0 (unspecified); must be');
	addFilter(`a ${what} filter with an unknown type`, list, { ...entry, type: unknown }, 'type', `${unknown}; must be`);
	addFilter(`a ${what} filter with a negative type`, list, { ...entry, type: -1 }, 'type', '-1; must be');
	add(`the second ${what} filter is the wrong one`, `subscription.event_filter.${list}[1].type`, '999', filters(list, entry, { ...entry, type: 999 }));
}

addFilter('a view that does not exist', 'container_events', { type: 1, view: 2 }, 'view', '2; must be BASIC (0), FULL (1)');

const enter = (more = {}) => ({ type: 1, id: { value: 1 }, ...more });
const exit = (more = {}) => ({ type: 2, id: { value: 1 }, ...more });

addFilter('no system call', 'syscall_events', { type: 1 }, 'id', 'must name a system call');
addFilter('an ABI that does not exist', 'syscall_events', enter({ abi: 3 }), 'abi', '3; must be SYSCALL_ABI_X86_64 (1)');
for (let i = 0; i < 6; i++)
	addFilter(`argument ${i} of a return`, 'syscall_events', exit({ [`arg${i}`]: { value: '7' } }), `arg${i}`, 'SYSCALL_EVENT_TYPE_ENTER only');
addFilter('a result of an entry', 'syscall_events', enter({ ret: { value: '-2' } }), 'ret', '-2; the return value belongs to type SYSCALL_EVENT_TYPE_EXIT');

const long = 'x'.repeat(4097);

addFilter('a file name of a fork', 'process_events', { type: 1, exec_filename: { value: '/a' } }, 'exec_filename', '"/a"; file names belong');
addFilter('a pattern of an exit', 'process_events', { type: 3, exec_filename_pattern: { value: '*' } }, 'exec_filename_pattern', 'PROCESS_EVENT_TYPE_EXEC only');
addFilter('an exit code of an exec', 'process_events', { type: 2, exit_code: { value: 256 } }, 'exit_code', '256; exit codes belong');
addFilter('a long file name of an exec', 'process_events', { type: 2, exec_filename: { value: long } }, 'exec_filename', '4097 bytes long');
addFilter('a long pattern of an exec', 'process_events', { type: 2, exec_filename_pattern: { value: long } }, 'exec_filename_pattern', 'at most 4096');
addFilter('a NUL in a file name', 'process_events', { type: 2, exec_filename: { value: 'a\0b' } }, 'exec_filename.value', 'NUL');
addFilter('a long file name', 'file_events', { type: 1, filename: { value: long } }, 'filename', '4097 bytes long');
addFilter('a long pattern of a file', 'file_events', { type: 1, filename_pattern: { value: long } }, 'filename_pattern', '4097 bytes long');
addFilter('open flags of a deletion', 'file_events', { type: 3, open_flags_mask: { value: 1 } }, 'open_flags_mask', 'FILE_EVENT_TYPE_OPEN only');
addFilter('a mode of a deletion', 'file_events', { type: 3, create_mode_mask: { value: 1 } }, 'create_mode_mask', 'FILE_EVENT_TYPE_CREATE only');
addFilter('no open flags', 'file_events', { type: 1, open_flags_mask: { value: 0 } }, 'open_flags_mask', '0; must have at least one bit');
addFilter('no mode', 'file_events', { type: 2, create_mode_mask: { value: 0 } }, 'create_mode_mask', '0; must have at least one bit');

const kernel = (more = {}) => ({ type: 1, symbol: 'do_sys_openat2', ...more });

addFilter('a kernel call without a function', 'kernel_events', { type: 1 }, 'symbol', 'must name a function');
addFilter('a kernel call with a long function', 'kernel_events', kernel({ symbol: long }), 'symbol', '4097 bytes long');
addFilter('an argument without a name', 'kernel_events', kernel({ arguments: { '': '%di' } }), 'arguments[0].key', 'not set');
addFilter('an argument without a place', 'kernel_events', kernel({ arguments: { a: '' } }), 'arguments[0].value', 'not set');
addFilter('a function with a blank', 'kernel_events', kernel({ symbol: 'a b' }), '', 'blank');
addFilter('an argument with a line end', 'kernel_events', kernel({ arguments: { a: '%di\np:x/y z' } }), '', 'blank or a control character');
addFilter('a long kernel filter', 'kernel_events', kernel({ filter: long }), 'filter', '4097 bytes long');
addFilter('a user call without a program', 'user_events', { type: 1, symbol: 'main' }, 'executable', 'must name a program');
addFilter('a user call without a function', 'user_events', { type: 1, executable: '/bin/sh' }, 'symbol', 'must name a function');

const counters = (more) => ({ events: [{ type: 1, config: '0' }], sample_rate_type: 1, period: '1000', ...more });

addFilter('no counters', 'performance_events', counters({ events: [] }), 'events', 'empty');
addFilter('too many counters', 'performance_events', counters({ events: Array(17).fill({ type: 1 }) }), 'events', '17 counters');
addFilter('a counter without a type', 'performance_events', counters({ events: [{}] }), 'events[0].type', '0 (unspecified)');
addFilter('a counter with an unknown type', 'performance_events', counters({ events: [{ type: 1 }, { type: 7 }] }), 'events[1].type', '7; must be');
addFilter('no rate', 'performance_events', { events: [{ type: 1 }], sample_rate_type: 1 }, 'period', 'not set');
addFilter('a rate of nothing', 'performance_events', counters({ period: '0' }), 'period', '0; must be at least 1');
addFilter('a rate of another type', 'performance_events', counters({ sample_rate_type: 2 }), 'frequency', 'not set');
addFilter('a rate without a type', 'performance_events', counters({ sample_rate_type: 0 }), 'sample_rate_type', '0 (unspecified)');
addFilter('a ticker without an interval', 'ticker_events', {}, 'interval', '0; must be at least 1');
addFilter('a ticker that goes backwards', 'ticker_events', { interval: '-5' }, 'interval', '-5; must be at least 1');
addFilter('a chargen without a length', 'chargen_events', {}, 'length', '0; must be 1 to 65536');
addFilter('a chargen with too long a length', 'chargen_events', { length: '65537' }, 'length', '65537; must be 1 to 65536');

const ticking = (more) => ({ ...filters('ticker_events', { interval: '1000000' }), ...more });

add('a limit of nothing', 'subscription.modifier.limit.limit', '0; must be at least 1', ticking({ modifier: { limit: {} } }));
add('a negative limit', 'subscription.modifier.limit.limit', '-1; must be at least 1', ticking({ modifier: { limit: { limit: '-1' } } }));
add('a throttle of nothing', 'subscription.modifier.throttle.interval', '0; must be', ticking({ modifier: { throttle: {} } }));
add('a throttle of an unknown unit', 'subscription.modifier.throttle.interval_type', '4; must be', ticking({ modifier: { throttle: { interval: '1', interval_type: 4 } } }));
add('a throttle that goes backwards', 'subscription.modifier.throttle.interval', '-2; must be', ticking({ modifier: { throttle: { interval: '-2', interval_type: 'SECOND' } } }));
add('a throttle that is longer than the clock', 'subscription.modifier.throttle.interval', '2562048; must be 1 to 2562047 with the interval_type HOUR', ticking({ modifier: { throttle: { interval: '2562048', interval_type: 'HOUR' } } }));
add('a since in the future', 'subscription.since_duration', '-1; must not be negative', ticking({ since_duration: { value: '-1' } }));
add('a negative duration', 'subscription.for_duration', '-7; must not be negative', ticking({ for_duration: { value: '-7' } }));

for (const [name, container_filter, at, reason] of [
	['a container id that is a name', { ids: ['cafe', 'web'] }, 'ids[1]', '"web"; must be 4 to 64'],
	['an empty container name', { names: [''] }, 'names[0]', '""; must be'],
	['an image id that is none', { image_ids: ['sha256:12'] }, 'image_ids[0]', '"sha256:12"; must be'],
	['a bad image pattern', { image_names: ['a['] }, 'image_names[0]', '"a["; character 2: the [ has no ]'],
	['too many containers', { ids: Array(1025).fill('cafe') }, 'ids[1024]', '1024'],
])
	add(name, `subscription.container_filter.${at}`, reason, ticking({ container_filter }));

// --- Expressions.

const field = (identifier) => ({ type: 'IDENTIFIER', identifier });
const value = (type, member, content) => ({ type: 'VALUE', value: { type, [member]: content } });
const signed = (number, type = 'SINT64') => value(type, 'signed_value', String(number));
const unsigned = (number, type = 'UINT64') => value(type, 'unsigned_value', String(number));
const text = (string) => value('STRING', 'string_value', string);
const bool = (truth) => value('BOOL', 'bool_value', truth);
const double = (number) => value('DOUBLE', 'double_value', number);
const time = (seconds, nanos = 0) => value('TIMESTAMP', 'timestamp_value', { seconds: String(seconds), nanos });
const op = (type, lhs, rhs) => ({ type, binary_op: { lhs, rhs } });
const isNull = (operand) => ({ type: 'IS_NULL', unary_op: operand });

// What an expression of each filter can be about, and the path to it.
const hosts = [
	['syscall_events', { type: 1, id: { value: 1 } }, op('EQ', field('arg0'), unsigned(1))],
	['process_events', { type: 2 }, op('EQ', field('exec_filename'), text('/bin/sh'))],
	['file_events', { type: 1 }, op('LIKE', field('filename'), text('/etc/*'))],
	['network_events', { type: 1 }, op('EQ', field('sockfd'), unsigned(3))],
	['kernel_events', { type: 1, symbol: 'do_sys_openat2', arguments: { flags: '+0(%dx):u64' } }, op('EQ', field('flags'), unsigned(3))],
	['user_events', { type: 1, executable: '/bin/sh', symbol: 'main', arguments: { count: '%di:s8' } }, op('EQ', field('count'), signed(3))],
	['container_events', { type: 3 }, op('NE', field('exit_code'), signed(0))],
];
const host = Object.fromEntries(hosts.map(([list, entry, condition]) => [list, { entry, condition }]));

function expression(name, list, wrong, below, reason, entry = host[list].entry) {
	addFilter(name, list, { ...entry, filter_expression: wrong }, `filter_expression${below && `.${below}`}`, reason);
}

// What is wrong with a part is wrong wherever it stands: in turn in each filter, and alone or as a part of something.
let turn = 0;

function part(name, wrong, below, reason) {
	const [list, , condition] = hosts[turn % hosts.length];
	const places = [
		[(e) => e, ''],
		[(e) => op('LOGICAL_AND', e, condition), 'binary_op.lhs'],
		[(e) => op('LOGICAL_OR', condition, e), 'binary_op.rhs'],
		[(e) => op('LOGICAL_AND', condition, op('LOGICAL_OR', op('LOGICAL_AND', condition, e), condition)), 'binary_op.rhs.binary_op.lhs.binary_op.rhs'],
	];
	const [put, at] = places[turn % places.length];

	turn++;
	expression(name, list, put(wrong), [at, below].filter((step) => step).join('.'), reason);
}

for (const type of [0, 3, 9, 13, 19, 29, 31, 77, -1])
	part(`an expression of type ${type}`, { type, identifier: 'x' }, 'type', type ? `${type}; must be IDENTIFIER (1) to BITWISE_AND (30)` : '0 (unspecified)');

const binaries = ['LOGICAL_AND', 'LOGICAL_OR', 'EQ', 'NE', 'LT', 'LE', 'GT', 'GE', 'LIKE', 'BITWISE_AND'];
const members = {
	identifier: 'x',
	value: { type: 'UINT8', unsigned_value: '1' },
	binary_op: { lhs: field('x'), rhs: field('x') },
	unary_op: field('x'),
};
const needs = {
	IDENTIFIER: 'identifier',
	VALUE: 'value',
	...Object.fromEntries(binaries.map((type) => [type, 'binary_op'])),
	IS_NULL: 'unary_op',
	IS_NOT_NULL: 'unary_op',
};

for (const [type, needed] of Object.entries(needs)) {
	part(`${type} of nothing`, { type }, needed, `not set; type ${type} needs it`);
	for (const [member, content] of Object.entries(members))
		if (member !== needed)
			part(`${type} with ${member}`, { type, [member]: content }, member, `set; type ${type} needs ${needed} instead`);
}
for (const type of binaries) {
	const operand = type.startsWith('LOGICAL') ? op('EQ', signed(1), signed(1)) : field('cpu');

	part(`${type} without a left side`, { type, binary_op: { rhs: operand } }, 'binary_op.lhs', 'not set; the operator needs it');
	part(`${type} without a right side`, { type, binary_op: { lhs: operand } }, 'binary_op.rhs', 'not set; the operator needs it');
}

const valueMembers = {
	signed_value: '1',
	unsigned_value: '1',
	string_value: '1',
	bool_value: true,
	double_value: 1,
	timestamp_value: { seconds: '1' },
};
const valueNeeds = {
	STRING: 'string_value',
	...Object.fromEntries([8, 16, 32, 64].map((bits) => [`SINT${bits}`, 'signed_value'])),
	...Object.fromEntries([8, 16, 32, 64].map((bits) => [`UINT${bits}`, 'unsigned_value'])),
	BOOL: 'bool_value',
	DOUBLE: 'double_value',
	TIMESTAMP: 'timestamp_value',
};
const against = (literal) => op('EQ', field('cpu'), literal);

for (const type of [0, 13, -1])
	part(`a value of type ${type}`, against(value(type, 'signed_value', '1')), 'binary_op.rhs.value.type', type ? `${type}; must be STRING (1) to TIMESTAMP (12)` : '0 (unspecified)');
for (const [type, needed] of Object.entries(valueNeeds)) {
	part(`a ${type} of nothing`, against({ type: 'VALUE', value: { type } }), `binary_op.rhs.value.${needed}`, `not set; type ${type} needs it`);
	for (const [member, content] of Object.entries(valueMembers))
		if (member !== needed)
			part(`a ${type} with ${member}`, against(value(type, member, content)), `binary_op.rhs.value.${member}`, `set; type ${type} needs ${needed} instead`);
}

for (const [type, number, allowed] of [
	['SINT8', 300, '-128 to 127'],
	['SINT8', 128, '-128 to 127'],
	['SINT8', -129, '-128 to 127'],
	['SINT16', 32768, '-32768 to 32767'],
	['SINT16', -32769, '-32768 to 32767'],
	['SINT32', 2147483648, '-2147483648 to 2147483647'],
	['SINT32', -2147483649, '-2147483648 to 2147483647'],
])
	part(`${number} as a ${type}`, against(signed(number, type)), 'binary_op.rhs.value.signed_value', `${number}; must be ${allowed} (${type})`);
for (const [type, number] of [
	['UINT8', 256],
	['UINT16', 65536],
	['UINT32', 4294967296],
])
	part(`${number} as a ${type}`, against(unsigned(number, type)), 'binary_op.rhs.value.unsigned_value', `${number}; must be 0 to ${number - 1} (${type})`);
for (const [number, said] of [
	['NaN', 'nan'],
	['Infinity', 'inf'],
	['-Infinity', '-inf'],
])
	part(`${number} as a value`, against(double(number)), 'binary_op.rhs.value.double_value', `${said}; must be a finite number`);
part('a time before the year 1', against(time(-62135596801)), 'binary_op.rhs.value.timestamp_value.seconds', '-62135596801; must be -62135596800');
part('a time after the year 9999', against(time(253402300800)), 'binary_op.rhs.value.timestamp_value.seconds', '253402300800; must be');
part('a time with negative nanoseconds', against(time(0, -1)), 'binary_op.rhs.value.timestamp_value.nanos', '-1; must be 0 to 999999999');
part('a time with a second of nanoseconds', against(time(0, 1000000000)), 'binary_op.rhs.value.timestamp_value.nanos', '1000000000; must be');
part('a field without a name', isNull(field('')), 'unary_op.identifier', 'empty; must name a field');
part('a field with a long name', isNull(field(long)), 'unary_op.identifier', '4097 bytes long; at most 4096');
part('a long string', against(text(long)), 'binary_op.rhs.value.string_value', '4097 bytes long; at most 4096');
part('a NUL in a string', against(text('a\0b')), 'binary_op.rhs.value.string_value', 'NUL');
part('a NUL in a name', isNull(field('a\0b')), 'unary_op.identifier', 'NUL');

// What the check against the catalog finds.

for (const [list, , condition] of hosts)
	expression(`an unknown field in ${list}`, list, op('LOGICAL_AND', condition, isNull(field('nonsense'))), 'binary_op.rhs.unary_op.identifier', 'has no field "nonsense"');
expression('the return value of an entry', 'syscall_events', op('EQ', field('ret'), signed(0)), 'binary_op.lhs.identifier', 'syscall:enter has no field "ret"');
expression('an argument of a return', 'syscall_events', op('EQ', field('arg0'), unsigned(0)), 'binary_op.lhs.identifier', 'syscall:exit has no field "arg0"', { type: 2, id: { value: 1 } });
expression('a file name of a fork in an expression', 'process_events', op('EQ', field('exec_filename'), text('a')), 'binary_op.lhs.identifier', 'has no field', { type: 1 });
expression('an address of a result', 'network_events', op('EQ', field('port'), unsigned(1)), 'binary_op.lhs.identifier', 'has no field', { type: 2 });
expression('an argument of another call', 'kernel_events', op('EQ', field('count'), signed(1)), 'binary_op.lhs.identifier', 'has no field "count" (it has flags');
expression('an array that is compared', 'kernel_events', op('EQ', field('array'), signed(1)), 'binary_op.lhs.identifier', 'array', kernel({ arguments: { array: '+0(%di):u8[4]' } }));

const cpu = field('cpu');
const filename = field('filename');

expression('a number that is compared with a string', 'file_events', op('EQ', cpu, text('1')), 'binary_op.rhs.value', 'cpu is a number, and "1" is a string');
expression('a string that is compared with a number', 'file_events', op('NE', filename, signed(1)), 'binary_op.rhs.value', 'filename is a string, and 1 is not');
expression('a string that a number is compared with', 'file_events', op('EQ', unsigned(1), filename), 'binary_op.lhs.value', 'filename is a string, and 1 is not');
expression('a boolean that is compared with a string', 'file_events', op('EQ', field('symlink'), text('yes')), 'binary_op.rhs.value', 'symlink is a boolean', { type: 4 });
expression('a boolean that is compared with 2', 'file_events', op('EQ', field('symlink'), signed(2)), 'binary_op.rhs.value', '2 does not fit into symlink, which is BOOL', { type: 4 });
expression('a number that is compared with a boolean', 'file_events', op('EQ', cpu, bool(true)), 'binary_op.rhs.value', 'cpu is a number, and true is not');
expression('a UINT32 below 0', 'file_events', op('GE', cpu, signed(-1)), 'binary_op.rhs.value', '-1 does not fit into cpu, which is UINT32');
expression('a UINT32 that is too large', 'file_events', op('LT', cpu, unsigned(4294967296)), 'binary_op.rhs.value', '4294967296 does not fit into cpu');
expression('a SINT32 that is too large', 'process_events', op('EQ', field('exit_code'), unsigned(2147483648)), 'binary_op.rhs.value', '2147483648 does not fit into exit_code, which is SINT32', { type: 3 });
expression('a SINT64 that is too large', 'syscall_events', op('EQ', field('id'), unsigned('18446744073709551615')), 'binary_op.rhs.value', 'does not fit into id, which is SINT64');
expression('a port that is too large', 'network_events', op('EQ', field('port_number'), unsigned(65536)), 'binary_op.rhs.value', '65536 does not fit into port_number, which is UINT16');
expression('an argument of 8 bits that is too large', 'user_events', op('EQ', field('count'), signed(128)), 'binary_op.rhs.value', '128 does not fit into count, which is SINT8');
expression('a fraction', 'file_events', op('LE', cpu, double(1.5)), 'binary_op.rhs.value', '1.5 does not fit into cpu');
expression('a double that is too large', 'file_events', op('LE', cpu, double(1e30)), 'binary_op.rhs.value', '1e+30 does not fit into cpu');
expression('a time for what is none', 'file_events', op('GT', cpu, time(1)), 'binary_op.rhs.value', 'does not fit into cpu');
expression('a mask that does not fit', 'file_events', op('EQ', op('BITWISE_AND', cpu, signed(-2)), signed(0)), 'binary_op.lhs.binary_op.rhs.value', '-2 does not fit into cpu');
expression('what is under a mask and does not fit', 'file_events', op('EQ', op('BITWISE_AND', cpu, signed(3)), signed(-1)), 'binary_op.rhs.value', '-1 does not fit into cpu');
for (const type of ['LT', 'LE', 'GT', 'GE']) {
	expression(`${type} of strings`, 'file_events', op(type, filename, text('a')), '', 'STRING has no order');
	expression(`${type} of booleans`, 'process_events', op('LOGICAL_OR', op(type, field('exit_core_dumped'), bool(false)), bool(true)), 'binary_op.lhs', 'BOOL has no order', { type: 3 });
}
expression('LIKE of a number', 'file_events', op('LIKE', cpu, text('1*')), 'binary_op.lhs.identifier', 'LIKE needs a string field on its left');
expression('LIKE of a value', 'file_events', op('LIKE', text('a'), text('a*')), 'binary_op.lhs.value', 'LIKE needs a string field on its left');
expression('LIKE without a pattern', 'file_events', op('LIKE', filename, field('path')), 'binary_op.rhs.identifier', 'LIKE needs a pattern on its right');
expression('LIKE with a number', 'file_events', op('LIKE', filename, signed(1)), 'binary_op.rhs.value', 'LIKE needs a pattern on its right');
expression('IS_NULL of a value', 'file_events', isNull(signed(1)), 'unary_op.value', 'IS NULL and IS NOT NULL need a field');
expression('IS_NULL of a condition', 'file_events', isNull(op('EQ', cpu, signed(1))), 'unary_op', 'IS NULL and IS NOT NULL need a field');
expression('IS_NOT_NULL of a value', 'file_events', { type: 'IS_NOT_NULL', unary_op: text('a') }, 'unary_op.value', 'need a field');
expression('bits of strings', 'file_events', op('EQ', op('BITWISE_AND', filename, text('a')), text('a')), 'binary_op.lhs', 'STRING has no bits');
expression('bits of booleans', 'process_events', op('BITWISE_AND', field('exit_core_dumped'), bool(true)), '', 'BOOL has no bits', { type: 3 });
expression('bits of doubles', 'file_events', op('EQ', op('BITWISE_AND', double(1.5), double(2.5)), double(1)), 'binary_op.lhs', 'DOUBLE has no bits');
expression('bits of a condition', 'file_events', op('BITWISE_AND', op('EQ', cpu, signed(1)), signed(1)), 'binary_op.lhs', 'a condition cannot be compared');
expression('a condition that is compared', 'file_events', op('EQ', op('EQ', cpu, signed(1)), bool(true)), 'binary_op.lhs', 'a condition cannot be compared');
expression('fields of different types', 'file_events', op('EQ', cpu, filename), '', 'UINT32 and STRING are of different types');
expression('fields of different sizes', 'file_events', op('EQ', field('open_flags'), cpu), '', 'SINT32 and UINT32 are of different types');
expression('values of different types', 'file_events', op('EQ', signed(1), text('1')), 'binary_op.rhs.value', 'are of different types');
expression('a string that is no condition', 'file_events', text('yes'), 'value', 'STRING is not a condition');
expression('a number that is no condition', 'file_events', unsigned(1), 'value', 'UINT64 is not a condition');
expression('a field that is no condition', 'file_events', op('LOGICAL_AND', bool(true), cpu), 'binary_op.rhs.identifier', 'cpu alone is no condition');
expression('OR of a string', 'file_events', op('LOGICAL_OR', filename, bool(true)), 'binary_op.lhs.identifier', 'filename alone is no condition');

// AND and OR in turn, so that they do not become one.
let deep = op('EQ', cpu, signed(1));
for (let i = 0; i < 100; i++)
	deep = op(i % 2 ? 'LOGICAL_AND' : 'LOGICAL_OR', deep, bool(true));
expression('a deep expression', 'file_events', deep, `binary_op.lhs.(93 more).${Array(6).fill('binary_op.lhs').join('.')}`, 'deeper than 100 levels');

// Which system calls an expression is about.
for (const [name, wrong] of [
	['all but one', op('NE', field('id'), signed(1))],
	['all above one', op('GT', field('id'), signed(1))],
	['one or any with an argument', op('LOGICAL_OR', op('EQ', field('id'), signed(1)), op('EQ', field('arg0'), unsigned(1)))],
	['whichever has an argument', op('EQ', field('arg0'), unsigned(1))],
])
	addFilter(`an expression about ${name}`, 'syscall_events', { type: 1, filter_expression: wrong }, 'id', 'must name a system call');

// --- The older form, of network filters.

const old = (type, more) => ({ type, ...more });
const predicate = (type, field_name, value_type, more) => old('PREDICATE', { predicate: { type, field_name, value_type, ...more } });
const number = (type, name, signed_value) => predicate(type, name, 'SIGNED', { signed_value: String(signed_value) });
const string = (type, name, string_value) => predicate(type, name, 'STRING', { string_value });
const fine = number('EQ', 'sockfd', 3);

function older(name, wrong, below, reason) {
	addFilter(name, 'network_events', { type: 1, filter: wrong }, `filter${below && `.${below}`}`, reason);
}

older('an older expression of type 3', old(3, {}), 'type', '3; must be PREDICATE (0), AND (1), OR (2)');
older('an older expression of a negative type', old('AND', { lhs: old(-1, {}), rhs: fine }), 'lhs.type', '-1; must be PREDICATE (0)');
older('PREDICATE without one', old('PREDICATE', {}), 'predicate', 'not set; type PREDICATE needs it');
older('PREDICATE with a left side', { ...fine, lhs: fine }, 'lhs', 'set; type PREDICATE has none');
older('PREDICATE with a right side', { ...fine, rhs: fine }, 'rhs', 'set; type PREDICATE has none');
for (const type of ['AND', 'OR']) {
	older(`older ${type} without a left side`, old(type, { rhs: fine }), 'lhs', `not set; type ${type} needs it`);
	older(`older ${type} without a right side`, old('OR', { lhs: fine, rhs: old(type, { lhs: fine }) }), 'rhs.rhs', `not set; type ${type} needs it`);
	older(`older ${type} with a predicate`, old('AND', { lhs: old(type, { ...fine, type, lhs: fine, rhs: fine }), rhs: fine }), 'lhs.predicate', `set; type ${type} has none`);
}
for (const type of [8, -1])
	older(`a predicate of type ${type}`, number(type, 'sockfd', 1), 'predicate.type', `${type}; must be CONST (0) to GLOB (7)`);
for (const type of [3, -1])
	older(`a predicate with a value of type ${type}`, predicate('EQ', 'sockfd', type, { signed_value: '1' }), 'predicate.value_type', `${type}; must be SIGNED (0), UNSIGNED (1), STRING (2)`);

const oldNeeds = { SIGNED: 'signed_value', UNSIGNED: 'unsigned_value', STRING: 'string_value' };

for (const [type, needed] of Object.entries(oldNeeds)) {
	older(`a predicate without its ${type} value`, predicate('EQ', 'sockfd', type, {}), `predicate.${needed}`, `not set; value_type ${type} needs it`);
	for (const member of Object.values(oldNeeds))
		if (member !== needed)
			older(`a predicate of ${type} with ${member}`, old('OR', { lhs: fine, rhs: predicate('EQ', 'sockfd', type, { [member]: '1' }) }), `rhs.predicate.${member}`, `set; value_type ${type} needs ${needed} instead`);
}
for (const type of ['EQ', 'NE', 'LT', 'LE', 'GT', 'GE'])
	older(`older ${type} of no field`, number(type, '', 1), 'predicate.field_name', 'not set; must name a field');
older('GLOB of no field', string('GLOB', '', '*'), 'predicate.field_name', 'not set; must name a field');
older('a predicate of a long name', number('EQ', long, 1), 'predicate.field_name', '4097 bytes long');
older('a predicate with a long string', string('EQ', 'local_address', long), 'predicate.string_value', '4097 bytes long');
older('a NUL in an older string', string('EQ', 'local_address', 'a\0'), 'predicate.string_value', 'NUL');
older('GLOB with a number', number('GLOB', 'local_address', 1), 'predicate.signed_value', 'a number; type GLOB needs a pattern');
older('GLOB with a number without a sign', predicate('GLOB', 'local_address', 'UNSIGNED', { unsigned_value: '1' }), 'predicate.unsigned_value', 'a number; type GLOB needs a pattern');
older('GLOB of a number', string('GLOB', 'port', '8*'), 'predicate.field_name', 'LIKE needs a string field');
older('CONST of a string', string('CONST', '', 'yes'), 'predicate.string_value', '"yes"; type CONST needs a number');
older('CONST of a field', number('CONST', 'port', 1), 'predicate.field_name', '"port"; type CONST is the value alone');
older('CONST of nothing', predicate('CONST', '', 'SIGNED', {}), 'predicate.signed_value', 'not set');
older('an unknown field of a predicate', old('AND', { lhs: fine, rhs: number('EQ', 'nonsense', 1) }), 'rhs.predicate.field_name', 'has no field "nonsense"');
older('a number against an older string', string('EQ', 'port', '80'), 'predicate.string_value', 'port is a number, and "80" is a string');
older('a string against an older number', number('EQ', 'local_address', 80), 'predicate.signed_value', 'local_address is a string, and 80 is not');
older('an older number that does not fit', number('LT', 'port_number', -1), 'predicate.signed_value', '-1 does not fit into port_number, which is UINT16');
older('an older number without a sign that does not fit', predicate('LT', 'port', 'UNSIGNED', { unsigned_value: '4294967296' }), 'predicate.unsigned_value', '4294967296 does not fit into port');
for (const type of ['LT', 'LE', 'GT', 'GE'])
	older(`older ${type} of strings`, string(type, 'local_address', 'a'), 'predicate', 'STRING has no order');
addFilter('how a container ended that has just been made', 'container_events', { type: 1, filter_expression: op('EQ', field('exit_code'), signed(1)) }, 'filter_expression.binary_op.lhs.identifier', 'container:created has no field "exit_code"');
addFilter('both forms, and the newer is wrong', 'network_events', { type: 1, filter: fine, filter_expression: isNull(field('x')) }, 'filter_expression.unary_op.identifier', 'has no field "x"');

export const invalid = cases;
export const written = `[\n${cases.map((one) => JSON.stringify(one)).join(',\n')}\n]\n`;

if (process.argv[1] === fileURLToPath(import.meta.url))
	writeFileSync(file, written);
