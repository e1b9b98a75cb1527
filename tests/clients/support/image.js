// An image with a shell in it, for every runtime: as a folder, as a tar of that, and as an OCI archive.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from './process.js';

const busybox = '/bin/busybox';
const applets = ['cat', 'echo', 'false', 'kill', 'sh', 'sleep', 'tail', 'true'];

export const noImage = existsSync(busybox) ? undefined : 'busybox-static is not installed';

// A program that does nothing but write to address 0: an ELF file (man 5 elf) for x86-64 with one segment.
function crash() {
	const base = 0x400000;
	const code = Buffer.from([0x31, 0xc0, 0x88, 0x00]); // xor %eax,%eax; mov %al,(%rax)
	const elf = Buffer.alloc(64 + 56 + code.length);

	elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
	elf.writeUInt16LE(2, 16); // ET_EXEC
	elf.writeUInt16LE(62, 18); // EM_X86_64
	elf.writeUInt32LE(1, 20);
	elf.writeBigUInt64LE(BigInt(base + 64 + 56), 24); // entry
	elf.writeBigUInt64LE(64n, 32); // program headers
	elf.writeUInt16LE(64, 52);
	elf.writeUInt16LE(56, 54);
	elf.writeUInt16LE(1, 56);
	elf.writeUInt32LE(1, 64); // PT_LOAD
	elf.writeUInt32LE(5, 68); // readable, executable
	elf.writeBigUInt64LE(BigInt(base), 80);
	elf.writeBigUInt64LE(BigInt(base), 88);
	elf.writeBigUInt64LE(BigInt(elf.length), 96);
	elf.writeBigUInt64LE(BigInt(elf.length), 104);
	elf.writeBigUInt64LE(0x1000n, 112);
	code.copy(elf, 64 + 56);
	return elf;
}

// /bin with a few programs, /bin/crash among them, and empty folders to mount on.
export function writeRootfs(folder) {
	for (const name of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp'])
		mkdirSync(path.join(folder, name), { recursive: true });
	copyFileSync(busybox, path.join(folder, 'bin/busybox'));
	for (const name of applets)
		symlinkSync('busybox', path.join(folder, 'bin', name));
	writeFileSync(path.join(folder, 'bin/crash'), crash(), { mode: 0o755 });
	return folder;
}

// All that is in a folder, as a tar.
export async function writeTar(t, folder, file) {
	await run(t, '/bin/tar', ['-C', folder, '-cf', file, '.']);
	return file;
}

const digest = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

// An OCI image layout (github.com/opencontainers/image-spec, image-layout.md) around a layer, as a tar. `folder` is made for it.
// Returns the digests: { config, manifest }.
export async function writeArchive(t, folder, layer, name, file) {
	const type = (what) => `application/vnd.oci.image.${what}`;
	const blobs = path.join(folder, 'blobs/sha256');
	const add = (bytes, mediaType) => {
		writeFileSync(path.join(blobs, digest(bytes).slice(7)), bytes);
		return { mediaType, digest: digest(bytes), size: bytes.length };
	};
	const json = (value) => Buffer.from(JSON.stringify(value));

	mkdirSync(blobs, { recursive: true });
	const bytes = readFileSync(layer);
	const config = {
		architecture: 'amd64',
		os: 'linux',
		config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh'], Labels: { name } },
		rootfs: { type: 'layers', diff_ids: [digest(bytes)] },
	};
	const manifest = {
		schemaVersion: 2,
		mediaType: type('manifest.v1+json'),
		config: add(json(config), type('config.v1+json')),
		layers: [add(bytes, type('layer.v1.tar'))],
	};
	const entry = add(json(manifest), manifest.mediaType);
	const annotations = { 'io.containerd.image.name': name };

	writeFileSync(path.join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
	writeFileSync(path.join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [{ ...entry, annotations }] }));
	await writeTar(t, folder, file);
	return { config: manifest.config.digest, manifest: entry.digest };
}
