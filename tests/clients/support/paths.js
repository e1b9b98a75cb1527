// Where things are. scripts/check sets the build folder; by hand, `node --test` works on the plain build.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const build = path.resolve(root, process.env.RINGSIDE_BUILD ?? 'build');
export const ringside = path.join(build, 'ringside');
export const load = (name) => path.join(build, 'tests/load', name);
export const proto = path.join(root, 'proto');
export const buf = path.join(root, 'tests/clients/node_modules/.bin/buf');

// A sanitizer makes the sensor several times slower: tests that ask for "nothing lost" then ask it of fewer events.
export const sanitized = /\/(asan|tsan)$/.test(build);
