// What an ELF shared library asks for and offers, as readelf (binutils) tells it, which reads files of any processor.
// Holds no rules: those are in verify-prebuilds.mjs.

import { spawnSync } from 'node:child_process';

function readelf(file) {
  // Its words are those of the C locale, and -W keeps long names whole.
  const options = { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' }, maxBuffer: 2 ** 26 };
  const { status, stdout, stderr, error } = spawnSync('readelf', ['-hldVW', '--dyn-syms', file], options);
  if (error?.code === 'ENOENT')
    throw new Error('readelf is needed to read binaries: install binutils', { cause: error });
  if (status === 0) return stdout;
  throw new Error(`${file}: readelf cannot read it: ${error?.message ?? stderr.trim()}`);
}

const all = (text, pattern) => [...text.matchAll(pattern)].map((match) => match.groups);

/** The versions of other libraries' symbols that the file needs: a line for each library, then its versions. */
function neededVersions(text) {
  let library = '';
  const line = /File: (?<file>\S+) {2}Cnt: |Name: (?<version>\S+) {2}Flags: /g;
  return all(text.split('\nVersion needs section')[1] ?? '', line).flatMap(({ file, version }) => {
    library = file ?? library;
    return version === undefined ? [] : [{ library, version }];
  });
}

/** Number, value, size, type, bind, visibility, section, then the name with its version; number 0 is nobody's. */
const SYMBOL =
  /^ +[1-9]\d*: [0-9a-f]+ +\w+ \w+ +(?<bind>\w+) +\w+ +(?:\[.*?\] +)?(?<section>\w+) (?<name>[^\s@]+)(?:@@?(?<version>\S+))?/gm;

/**
 * Reads a shared library.
 * @param {string} file its path.
 * @returns its class and machine by their names, needed libraries, needed versions, dynamic symbols and hardening.
 * @throws Error where readelf is missing, or the file is none that it can read.
 */
export function readElf(file) {
  const text = readelf(file);
  const header = (name) => new RegExp(`^ *${name}: +(.*)$`, 'm').exec(text)?.[1];
  const segment = (name) => new RegExp(`^ +${name} +(?:0x\\w+ +){5}(.{3})`, 'm').exec(text)?.[1];
  const tags = all(text, /^ 0x[0-9a-f]+ \((?<tag>\w+)\) +(?<value>.*)$/gm);
  const values = (...names) => tags.filter(({ tag }) => names.includes(tag)).map(({ value }) => value);
  const named = (...names) => values(...names).map((value) => /\[(.*)\]/.exec(value)?.[1] ?? value);
  const flags = values('FLAGS', 'FLAGS_1').join(' ').split(/\s+/);
  if (tags.length === 0) throw new Error(`${file}: expected a shared library; it has no dynamic section`);
  return {
    class: header('Class'),
    machine: header('Machine'),
    needed: named('NEEDED'),
    searchPaths: named('RPATH', 'RUNPATH'),
    versions: neededVersions(text),
    symbols: all(text, SYMBOL).map(({ bind, section, name, version }) => ({
      ...{ name, version, defined: section !== 'UND', weak: bind === 'WEAK' },
    })),
    bindNow: values('BIND_NOW').length > 0 || flags.includes('BIND_NOW') || flags.includes('NOW'),
    relro: segment('GNU_RELRO') !== undefined,
    executableStack: segment('GNU_STACK')?.includes('E') ?? true,
    textRelocations: values('TEXTREL').length > 0 || flags.includes('TEXTREL'),
    noDelete: flags.includes('NODELETE'),
  };
}
