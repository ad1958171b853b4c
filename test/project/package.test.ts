// The package as npm would publish it: what is in it, how large it is, what it asks of an app, and how a clean clone becomes one.
// Installs nothing: that is tools/release/test-install.mjs.

import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

interface Packed {
  readonly packed: number;
  readonly unpacked: number;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}
interface PackScript {
  pack(folder: string): Packed;
  hasPrebuilds(): boolean;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
// The script is plain JavaScript: what it exports is stated above.
const { pack, hasPrebuilds } = (await import(join(root, 'tools/release/pack.mjs'))) as PackScript;
/** Of these 1.2 MB are the five binaries, of which an app uses one: a package for each would cost more to keep than it saves. */
const MAX_PACKED = 2_000_000;

let folder: string;
let result: Packed;
let paths: string[];
const read = (path: string) => readFileSync(join(folder, 'package', path), 'utf8');
const manifest = () => JSON.parse(read('package.json'));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-pack-'));
  // npm wants to write to its cache, and the home folder may not be writable.
  vi.stubEnv('npm_config_cache', join(folder, 'npm-cache'));
  result = pack(folder);
  paths = result.files.map(({ path }) => path).sort();
});

afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

describe('the package', () => {
  it('holds these files besides the sources, compiled and as written, and the binaries', () => {
    const others = paths.filter((path) => !/^(dist|src|prebuilds)\//.test(path));
    expect(others).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'binding.d.ts', 'package.json']);
  });

  it('holds each source, compiled with its types and maps, and nothing else in dist', () => {
    const entries = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
    const modules = entries.filter((path) => path.endsWith('.ts')).map((path) => path.slice(0, -3));
    const endings = ['.js', '.js.map', '.d.ts', '.d.ts.map'];
    const expected = modules.flatMap((name) => endings.map((ending) => `dist/${name}${ending}`)).sort();
    expect(paths.filter((path) => path.startsWith('dist/'))).toEqual(expected);
    expect(paths.filter((path) => path.startsWith('src/'))).toEqual(modules.map((name) => `src/${name}.ts`).sort());
  });

  it('leads stack traces and editors from dist to the sources', () => {
    const maps = paths.filter((path) => path.endsWith('.map'));
    expect(maps).not.toEqual([]);
    for (const map of maps) {
      const { sourceRoot, sources } = JSON.parse(read(map));
      const targets = sources.map((source: string) => posix.join(posix.dirname(map), sourceRoot, source));
      expect(targets).toEqual([map.replace(/^dist/, 'src').replace(/(\.d)?\.[jt]s\.map$/, '.ts')]);
    }
  });

  it.skipIf(!hasPrebuilds())('holds a binary for each target, and their hashes', () => {
    expect(paths.filter((path) => path.startsWith('prebuilds/'))).toEqual([
      'prebuilds/SHA256SUMS',
      'prebuilds/darwin-arm64/tfjs-ema.node',
      'prebuilds/darwin-x64/tfjs-ema.node',
      'prebuilds/linux-arm64/tfjs-ema.glibc.node',
      'prebuilds/linux-x64/tfjs-ema.glibc.node',
      'prebuilds/win32-x64/tfjs-ema.node',
    ]);
  });

  it('stays small', () => {
    expect(result.packed).toBeLessThan(MAX_PACKED);
  });

  it('runs nothing when it is installed', () => {
    const { scripts = {} } = manifest();
    // `prepare` is for checkouts and installs from git only: of a package out of a registry npm does not run it.
    const lifecycle = ['preinstall', 'install', 'postinstall'];
    expect(Object.keys(scripts).filter((name) => lifecycle.includes(name))).toEqual([]);
    // npm compiles what has this file, without being told to.
    expect(paths).not.toContain('binding.gyp');
  });

  it('has at most two dependencies, and demands no tfjs and no plotting of its own', () => {
    const { dependencies, peerDependencies, peerDependenciesMeta, optionalDependencies } = manifest();
    expect(Object.keys(dependencies).length).toBeLessThanOrEqual(2);
    expect(optionalDependencies).toBeUndefined();
    for (const name of Object.keys(peerDependencies)) {
      expect(name).toMatch(/^(@tensorflow\/tfjs|vega|@resvg\/resvg-js$)/);
      expect(peerDependenciesMeta[name]).toEqual({ optional: true });
    }
  });

  it('exports its names, those of its subpaths and compat, each with types that are there', () => {
    const { './package.json': own, ...exports } = manifest().exports;
    expect(own).toBe('./package.json');
    expect(Object.keys(exports)).toEqual([
      '.',
      './decay',
      './merge',
      './report',
      './search',
      './tensorboard',
      './compat',
    ]);
    for (const entry of Object.values<Record<string, string>>(exports)) {
      expect(Object.keys(entry)).toEqual(['types', 'default']);
      for (const path of Object.values<string>(entry)) expect(paths).toContain(path.slice(2));
    }
  });

  it('names the module with a side effect, so that bundlers keep it', () => {
    expect(manifest().sideEffects).toEqual(['./dist/compat.js']);
  });

  it('has the program tfjs-ema', () => {
    const { bin } = manifest();
    expect(Object.keys(bin)).toEqual(['tfjs-ema']);
    expect(read(bin['tfjs-ema']).split('\n')[0]).toBe('#!/usr/bin/env node');
  });
});

describe('a clean clone', () => {
  const CLONED = ['src', 'tools', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'binding.d.ts', 'README.md'];

  /** A copy of what git holds of the package. */
  function clone(name: string, { installed = true } = {}): string {
    const copy = join(folder, name);
    for (const path of CLONED) cpSync(join(root, path), join(copy, path), { recursive: true });
    if (installed) symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    return copy;
  }

  /** Runs prepack.mjs as npm does. */
  function prepack(copy: string, event: string, command: string) {
    return spawnSync(process.execPath, [join(copy, 'tools/release/prepack.mjs')], {
      encoding: 'utf8',
      env: { ...process.env, npm_lifecycle_event: event, npm_command: command },
    });
  }

  it('is packed with its code, and without what was compiled from a source that is gone', () => {
    const copy = clone('packed');
    mkdirSync(join(copy, 'dist'));
    writeFileSync(join(copy, 'dist', 'gone.js'), '');
    const { stdout, stderr } = spawnSync('npm', ['pack', '--json', '--pack-destination', copy], {
      cwd: copy,
      encoding: 'utf8',
    });
    expect(existsSync(join(copy, 'dist', 'gone.js')), stderr).toBe(false);
    // npm 11 gives a list, npm 12 an object by package name. What the scripts say comes before.
    const [{ files }] = Object.values<Packed>(JSON.parse(stdout.slice(stdout.search(/^[[{]/m)))) as [Packed];
    expect(files.map(({ path }) => path)).toEqual(expect.arrayContaining(['dist/index.js', 'dist/cli/main.js']));
  });

  it('is compiled where it is installed from git', () => {
    const copy = clone('git');
    expect(prepack(copy, 'prepare', 'install').status).toBe(0);
    expect(existsSync(join(copy, 'dist', 'index.js'))).toBe(true);
  });

  it('without packages is not packed, and the fix is told', () => {
    const copy = clone('bare', { installed: false });
    const { status, stderr } = prepack(copy, 'prepack', 'pack');
    expect(status).toBe(1);
    expect(stderr).toMatch(/typescript is not installed\n {2}fix: run "npm ci --ignore-scripts"/);
    expect(prepack(copy, 'prepare', 'install').status).toBe(0);
  });

  it('is not published without binaries', () => {
    const { status, stderr } = prepack(clone('published'), 'prepack', 'publish');
    expect(status).toBe(1);
    expect(stderr).toMatch(/linux-x64\/tfjs-ema\.glibc\.node is missing/);
    expect(stderr).toMatch(/fix: run "node tools\/release\/prebuild\.mjs"/);
  });
});
