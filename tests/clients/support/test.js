// node:test's test() with a limit of time, so that a sensor that hangs fails a test and does not stop them all.
import { test as unlimited } from 'node:test';

export function test(name, ...rest) {
	const body = rest.pop();

	return unlimited(name, { timeout: 60000, ...rest[0] }, body);
}
