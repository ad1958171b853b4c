// What a Mach-O or PE shared library asks for and offers, as llvm-objdump tells it, which reads files of any system.
// Holds no rules: those are in verify-prebuilds.mjs. ELF files: elf.mjs.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { findProgram } from '../tensorflow/run.mjs';

const PROGRAMS = ['llvm-objdump', ...[22, 21, 20, 19, 18, 17, 16, 15, 14].map((version) => `llvm-objdump-${version}`)];

function objdump(file, ...options) {
  const program = findProgram([process.env.LLVM_OBJDUMP, ...PROGRAMS]);
  if (program === undefined)
    throw new Error('llvm-objdump is needed to read binaries of macOS and Windows: install llvm');
  const { status, stdout, stderr } = spawnSync(program, [...options, file], { encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status === 0 && stdout.includes('file format')) return stdout;
  // For Mach-O options it says no format: then the first line is the path alone.
  if (status === 0 && stdout.startsWith(`${file}:`)) return stdout;
  throw new Error(`${file}: llvm-objdump cannot read it: ${stderr.trim() || stdout.trim()}`);
}

const all = (text, pattern) => [...text.matchAll(pattern)].map(([, first]) => first);

/**
 * Reads a library of macOS.
 * @param {string} file its path.
 * @returns its processor and kind by their names, oldest macOS, libraries, exported names, and names that whoever loads it provides.
 */
export function readMachO(file) {
  const text = objdump(file, '--macho', '--private-headers');
  const commands = text.split(/^Load command \d+$/m);
  const field = (command, name) => new RegExp(`^ +${name} (\\S+)`, 'm').exec(command)?.[1];
  const of = (cmd) => commands.filter((command) => field(command, 'cmd') === cmd);
  // magic, cputype, cpusubtype, caps, filetype, ...
  const [, machine, , , kind] = /^ *MH_MAGIC_64 .*$/m.exec(text)?.[0].trim().split(/ +/) ?? [];
  const [signature] = of('LC_CODE_SIGNATURE');
  const place = signature && [field(signature, 'dataoff'), field(signature, 'datasize')].map(Number);
  return {
    ...{ machine, kind },
    minimumOs: of('LC_BUILD_VERSION').map((command) => field(command, 'minos'))[0],
    needed: [...of('LC_LOAD_DYLIB'), ...of('LC_LOAD_WEAK_DYLIB')].map((command) => field(command, 'name')),
    searchPaths: of('LC_RPATH').map((command) => field(command, 'path')),
    exported: all(objdump(file, '--macho', '--exports-trie'), /^0x[0-9A-Fa-f]+ +(\S+)/gm),
    flat: all(objdump(file, '--macho', '--bind', '--lazy-bind'), /flat-namespace +(\S+)/g),
    isSigned: place !== undefined && isSigned(readFileSync(file), place),
  };
}

/** Whether the signature's hashes are those of the file's pages; Apple's arm64 processors run nothing else. Numbers are big-endian. */
function isSigned(bytes, [offset, size]) {
  const blob = bytes.subarray(offset, offset + size);
  const count = blob.readUInt32BE(0) === 0xfade0cc0 ? blob.readUInt32BE(8) : 0;
  const blobs = Array.from({ length: count }, (_, i) => blob.subarray(blob.readUInt32BE(16 + 8 * i)));
  const directory = blobs.find((each) => each.readUInt32BE(0) === 0xfade0c02);
  if (directory === undefined) return false;
  const [hashes, , slots, limit] = [16, 20, 28, 32].map((at) => directory.readUInt32BE(at));
  const [hashSize, page] = [directory.readUInt8(36), 2 ** directory.readUInt8(39)];
  if (hashSize !== 32 || limit !== offset || slots !== Math.ceil(limit / page)) return false;
  return Array.from({ length: slots }, (_, i) => i).every((i) => {
    const hash = createHash('sha256')
      .update(bytes.subarray(i * page, Math.min((i + 1) * page, limit)))
      .digest();
    return hash.equals(directory.subarray(hashes + 32 * i, hashes + 32 * (i + 1)));
  });
}

/**
 * Reads a library of Windows.
 * @param {string} file its path.
 * @returns its format, imported libraries with the names taken from them, exported names, and hardening by its flags.
 */
export function readPe(file) {
  const text = objdump(file, '--private-headers');
  const [, format] = /file format (\S+)/.exec(text);
  const [imports = '', exports = ''] = (text.split('The Import Tables:')[1] ?? '').split('Export Table:');
  return {
    format,
    imported: imports
      .split('DLL Name: ')
      .slice(1)
      .map((part) => ({ library: part.split('\n')[0], names: all(part, /^ +\d+ {2}(\S+)$/gm) })),
    exported: all(exports, /^ +\d+ +0x[0-9a-f]+ +(\S+)$/gm),
    hardening: all(text, /^\t{5}(\w+)$/gm),
  };
}
