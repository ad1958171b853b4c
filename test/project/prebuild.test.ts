// The gate before a release: what is read of a binary, the rules against binaries that break them, and the binaries, when made.
// Builds none.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, vi } from 'vitest';

interface Elf {
  readonly class: string;
  readonly machine: string;
  readonly needed: readonly string[];
  readonly searchPaths: readonly string[];
  readonly versions: readonly { readonly library: string; readonly version: string }[];
  readonly symbols: readonly {
    readonly name: string;
    readonly defined: boolean;
    readonly weak: boolean;
    readonly version?: string;
  }[];
  readonly bindNow: boolean;
  readonly noDelete: boolean;
}
interface Target {
  readonly platform: string;
  readonly arch: string;
  readonly machine: string;
}
interface Scripts {
  readElf(file: string): Elf;
  faultsOf(file: string, target: Pick<Target, 'platform' | 'machine'>): string[];
  readMachO(file: string): { readonly isSigned: boolean };
  prebuildPath(target: Target): string;
  readonly TARGETS: readonly Target[];
  readonly MAX_BYTES: number;
  ruleFaults(workflow: string): string[];
}

const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const load = async (name: string): Promise<Partial<Scripts>> => import(file(`tools/release/${name}`));
// The scripts are plain JavaScript: what they export is stated above.
const { readElf, readMachO, faultsOf, prebuildPath, TARGETS, MAX_BYTES, ruleFaults } = {
  ...(await load('elf.mjs')),
  ...(await load('objdump.mjs')),
  ...(await load('verify-prebuilds.mjs')),
  ...(await load('targets.mjs')),
  ...(await load('lint-workflows.mjs')),
} as Scripts;

const ADDON = file('build/Release/tfjs_ema.node');
const canRead = existsSync(ADDON) && process.platform === 'linux';
const own = TARGETS.find(({ platform, arch }) => platform === process.platform && arch === process.arch);
const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-binaries-'));

afterAll(() => rmSync(folder, { recursive: true }));

/** A file with these bytes. */
function written(bytes: Buffer): string {
  const path = join(folder, 'changed.node');
  writeFileSync(path, bytes);
  return path;
}

describe.skipIf(!canRead)('what is read of a binary', () => {
  it('are its processor, libraries, versions and symbols', () => {
    const elf = readElf(ADDON);
    expect(elf).toMatchObject({ class: 'ELF64', machine: own?.machine, searchPaths: [] });
    expect(elf).toMatchObject({ bindNow: true, noDelete: true });
    expect(elf.needed).toContain('libc.so.6');
    // Every version comes from a library that is needed, and every symbol with a version names one of them.
    expect(elf.needed).toEqual(expect.arrayContaining([...new Set(elf.versions.map(({ library }) => library))]));
    const versions = elf.symbols.flatMap(({ version }) => version ?? []);
    expect([...new Set(versions)].sort()).toEqual([...new Set(elf.versions.map(({ version }) => version))].sort());
    const named = new Map(elf.symbols.map((symbol) => [symbol.name, symbol]));
    expect(named.get('napi_register_module_v1')).toEqual({
      ...{ name: 'napi_register_module_v1', version: undefined, defined: true, weak: false },
    });
    expect(named.get('napi_create_object')?.defined).toBe(false);
    expect(named.get('memcpy')).toMatchObject({ defined: false, version: expect.stringMatching(/^GLIBC_/) });
    expect(named.get('__cxa_finalize')?.weak).toBe(true);
  });

  it('is nothing where the file is no ELF file, or readelf is not there', () => {
    expect(() => readElf(written(Buffer.alloc(64)))).toThrow(
      /changed\.node: readelf cannot read it: .*Not an ELF file/,
    );
    vi.stubEnv('PATH', folder);
    expect(() => readElf(ADDON)).toThrow('readelf is needed to read binaries: install binutils');
    vi.unstubAllEnvs();
  });
});

describe.skipIf(!canRead || own === undefined)('the rules for a binary', () => {
  const bytes = () => Buffer.from(readFileSync(ADDON));
  const faults = (changed: Buffer) => faultsOf(written(changed), own ?? { platform: 'linux', machine: '' }).join('\n');

  it('name a C++ runtime that is not inside', () => {
    expect(faults(bytes())).toContain('links libstdc++.so.6');
    expect(faults(bytes())).toMatch(/needs GLIBCXX_[\d.]+ of libstdc\+\+\.so\.6; the oldest supported is GLIBC_2\.28/);
  });

  it('see that only the entry points of Node-API are exported', () => {
    expect(faults(bytes())).not.toContain('exports');
  });

  it('name another processor', () => {
    const other = bytes();
    other.writeUInt16LE(8, 18);
    expect(faults(other)).toContain(`is for machine MIPS R3000, not ${own?.machine}`);
    for (const target of TARGETS.filter(({ platform }) => platform === 'linux')) {
      other.writeUInt16LE(target.machine === 'AArch64' ? 183 : 62, 18);
      expect(faultsOf(written(other), target).join()).not.toContain('is for machine');
    }
  });

  it('name an executable stack and a missing RELRO', () => {
    const changed = bytes();
    const start = Number(changed.readBigUInt64LE(32));
    for (let i = 0; i < changed.readUInt16LE(56); i++) {
      const at = start + i * changed.readUInt16LE(54);
      if (changed.readUInt32LE(at) === 0x6474e551) changed.writeUInt32LE(7, at + 4);
      if (changed.readUInt32LE(at) === 0x6474e552) changed.writeUInt32LE(0, at);
    }
    expect(faults(changed)).toContain('wants an executable stack');
    expect(faults(changed)).toContain('lacks full RELRO');
  });

  it('name a binary that has grown too large', () => {
    expect(faults(Buffer.concat([bytes(), Buffer.alloc(MAX_BYTES)]))).toMatch(/has \d+ bytes, more than \d+/);
  });
});

const published = (name: string): string | undefined => {
  const target = TARGETS.find(({ platform, arch }) => `${platform}-${arch}` === name);
  const path = target && file(`prebuilds/${prebuildPath(target)}`);
  return path !== undefined && existsSync(path) ? path : undefined;
};
const targetOf = (name: string): Target =>
  TARGETS.find(({ platform, arch }) => `${platform}-${arch}` === name) as Target;

describe.each(['darwin-arm64', 'darwin-x64'])('the rules for %s', (name) => {
  const path = published(name);

  it.skipIf(path === undefined)(
    'name another processor, another library, and, where it must be signed, a byte that was changed afterwards',
    () => {
      const target = targetOf(name);
      const bytes = readFileSync(path as string);
      expect(faultsOf(written(bytes), target)).toEqual([]);
      const other = targetOf(name === 'darwin-x64' ? 'darwin-arm64' : 'darwin-x64');
      expect(faultsOf(written(bytes), other)).toContain(`is for machine ${target.machine}, not ${other.machine}`);
      const text = 'libSystem.B.dylib';
      const changed = Buffer.from(bytes);
      changed.write('libOther0.B.dylib', changed.indexOf(text));
      const faults = faultsOf(written(changed), target).join('\n');
      expect(faults).toContain('links /usr/lib/libOther0.B.dylib, not just /usr/lib/libSystem.B.dylib');
      // Those for Intel's processors are not signed, and need not be.
      if (name !== 'darwin-arm64') return;
      expect(faults).toContain('has no signature, or one of other bytes');
      const one = Buffer.from(bytes);
      one.writeUInt8(one.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
      expect(readMachO(written(one)).isSigned).toBe(false);
    },
  );
});

describe('the rules for win32-x64', () => {
  const path = published('win32-x64');

  it.skipIf(path === undefined)('name a library that Windows has not, what is no Node-API, and lost hardening', () => {
    const target = targetOf('win32-x64');
    const bytes = readFileSync(path as string);
    expect(faultsOf(written(bytes), target)).toEqual([]);
    const changed = Buffer.from(bytes);
    changed.write('KERNEL99.dll', changed.indexOf('KERNEL32.dll'));
    changed.write('xapi_create_array', changed.indexOf('napi_create_array'));
    // DllCharacteristics of the optional header.
    const optional = changed.readUInt32LE(0x3c) + 24;
    changed.writeUInt16LE(changed.readUInt16LE(optional + 70) & ~0x40, optional + 70);
    expect(faultsOf(written(changed), target)).toEqual([
      'imports KERNEL99.dll, more than Windows itself has',
      'needs xapi_create_array of Node, which is not Node-API',
      'lacks DYNAMIC_BASE',
    ]);
  });
});

describe('the workflows', () => {
  const pinned = '      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1\n';

  it('must pin actions by a full commit and start without rights', () => {
    expect(ruleFaults(`permissions: {}\n${pinned}`)).toEqual([]);
    expect(ruleFaults(pinned)).toEqual(['lacks "permissions: {}" at the top level']);
    expect(ruleFaults('permissions: {}\n  - uses: actions/checkout@v7\n')).toEqual([
      'uses actions/checkout@v7, not a full commit SHA with the version in a comment',
    ]);
  });

  it('are clean, for actionlint and for our rules', () => {
    const { stdout, status } = spawnSync(process.execPath, [file('tools/release/lint-workflows.mjs')], {
      encoding: 'utf8',
    });
    expect(stdout).toMatch(/^\d+ workflows: no faults\n$/);
    expect(status).toBe(0);
  });
});

describe('the published binaries', () => {
  it('are missed when they are not there, as is what nobody expects', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-prebuilds-'));
    writeFileSync(join(folder, 'stray.so'), '');
    const args = [file('tools/release/verify-prebuilds.mjs'), '--folder', folder];
    const { stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect(stderr.split('\n').filter((line) => / belongs to | is missing$/.test(line))).toEqual([
      'stray.so belongs to no target',
      ...TARGETS.map((target) => `${prebuildPath(target)} is missing`),
    ]);
    expect(status).toBe(1);
  });

  it.skipIf(!existsSync(file('prebuilds')))('are all there, sound, and compute', () => {
    const { stderr, status } = spawnSync(process.execPath, [file('tools/release/verify-prebuilds.mjs')], {
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
  });
});
