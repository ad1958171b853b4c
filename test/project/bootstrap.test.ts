// The bootstrap on machines that lack something: children with a tiny PATH, an own HOME and an own cache.
// Downloads nothing; the way that works is seen by every run of these tests, which starts with it.

import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TOOLS = join('tools', 'tensorflow');
const TFJS_NODE = join('node_modules', '@tensorflow', 'tfjs-node');
// A port that nothing listens on: connections are refused at once.
const REFUSED = 'http://127.0.0.1:1/';
const work = mkdtempSync(join(tmpdir(), 'tfjs-ema-bootstrap-'));
afterAll(() => rmSync(work, { recursive: true }));

/** A clone with the bootstrap, an npm lock without packages, and tfjs-node as npm leaves it without its install script. */
function makeProject(): string {
  const project = mkdtempSync(join(work, 'project-'));
  cpSync(join(ROOT, TOOLS), join(project, TOOLS), { recursive: true });
  for (const name of ['package.json', 'binding', 'scripts']) {
    cpSync(join(ROOT, TFJS_NODE, name), join(project, TFJS_NODE, name), { recursive: true });
  }
  writeFileSync(join(project, 'package.json'), '{"name": "clone", "version": "1.0.0"}');
  const lock = JSON.stringify({ name: 'clone', version: '1.0.0', lockfileVersion: 3, packages: {} });
  writeFileSync(join(project, 'package-lock.json'), lock);
  writeFileSync(join(project, 'node_modules', '.package-lock.json'), lock);
  return project;
}

function find(program: string): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`the machine that runs the tests has no ${program}`);
  return found;
}

/** A PATH with these programs and nothing else. `python-without-pip` is python3 without its site packages. */
function pathWith(...programs: string[]): string {
  const folder = mkdtempSync(join(work, 'path-'));
  for (const program of programs) {
    if (program !== 'python-without-pip') {
      symlinkSync(find(program), join(folder, program));
      continue;
    }
    writeFileSync(join(folder, 'python3'), `#!/bin/sh\nexec ${find('python3')} -I -S "$@"\n`);
    chmodSync(join(folder, 'python3'), 0o755);
  }
  return folder;
}

interface Setting {
  readonly project?: string;
  readonly path: string;
  readonly env?: Record<string, string>;
  readonly nodeArgs?: readonly string[];
}

function run(script: string, args: readonly string[], setting: Setting): SpawnSyncReturns<string> {
  const { project = makeProject(), path, env = {}, nodeArgs = [] } = setting;
  const home = mkdtempSync(join(work, 'home-'));
  return spawnSync(process.execPath, [...nodeArgs, join(project, TOOLS, script), ...args], {
    encoding: 'utf8',
    env: { HOME: home, PATH: path, TMPDIR: work, TFJS_NODE_BASE_URI: REFUSED, ...env },
  });
}

/** What a failed bootstrap said; it must have said it as a message with a fix, not as a stack. */
function failure(result: SpawnSyncReturns<string>): string {
  expect(result.status).toBe(1);
  expect(result.stderr).toMatch(/\n {2}fix: /);
  expect(result.stderr).not.toMatch(/\n\s+at /);
  expect(result.stdout).toBe('');
  return result.stderr;
}

describe('a machine that lacks something is told what, and the fix', () => {
  it('no Python', () => {
    const said = failure(run('bootstrap.mjs', ['tensorflow'], { path: pathWith('g++') }));
    expect(said).toMatch(/own download cannot be reached \(127\.0\.0\.1:1: ECONNREFUSED\)/);
    expect(said).toMatch(/Python 3 was not found.*\n.*fix: install it .*apt-get install python3-pip/);
  });

  it('Python without pip', () => {
    const said = failure(run('bootstrap.mjs', ['tensorflow'], { path: pathWith('g++', 'python-without-pip') }));
    expect(said).toMatch(/python3 has no pip.*\n.*fix: .*ensurepip/);
  });

  it('no C++ compiler: said before anything is downloaded', () => {
    const said = failure(run('bootstrap.mjs', ['tensorflow'], { path: pathWith('python3') }));
    expect(said).toMatch(/no C\+\+ compiler was found.*\n.*fix: .*apt-get install g\+\+/);
    expect(said).not.toMatch(/from PyPI: /);
  });

  it('no network for pip', () => {
    const env = { PIP_INDEX_URL: `${REFUSED}simple`, PIP_CONFIG_FILE: '/dev/null', PIP_RETRIES: '0' };
    const result = run('bootstrap.mjs', ['tensorflow'], { path: `${pathWith('g++')}:${process.env['PATH']}`, env });
    expect(failure(result)).toMatch(/pip could not download tensorflow.*: no network[\s\S]*fix: .*PIP_INDEX_URL/);
  });

  it('no network for npm', () => {
    const project = makeProject();
    const packages = { '': {}, 'node_modules/left': { version: '1.0.0', integrity: 'sha512-AAAA' } };
    const manifest = { name: 'clone', version: '1.0.0', dependencies: { left: '1.0.0' } };
    writeFileSync(join(project, 'package.json'), JSON.stringify(manifest));
    const lock = { ...manifest, lockfileVersion: 3, packages: { ...packages, '': manifest } };
    writeFileSync(join(project, 'package-lock.json'), JSON.stringify(lock));
    const env = { npm_config_registry: REFUSED, npm_config_fetch_retries: '0' };
    const said = failure(run('bootstrap.mjs', ['deps'], { project, path: pathWith('npm', 'node', 'sh', 'env'), env }));
    expect(said).toMatch(/npm ci --ignore-scripts failed[\s\S]*fix: npm could not reach its registry/);
  });

  it('no npm', () => {
    const project = makeProject();
    rmSync(join(project, 'node_modules', '.package-lock.json'));
    expect(failure(run('bootstrap.mjs', ['deps'], { project, path: pathWith() }))).toMatch(/npm was not found in PATH/);
  });

  it('a cache folder that cannot be written to', () => {
    const file = join(work, 'a-file');
    writeFileSync(file, '');
    const env = { TFJS_EMA_CACHE: join(file, 'cache') };
    const said = failure(run('bootstrap.mjs', ['tensorflow'], { path: pathWith('g++', 'python3'), env }));
    expect(said).toMatch(/cannot write to the folder .*a-file\/cache \(ENOTDIR\)\n.*fix: set TFJS_EMA_CACHE/);
  });

  it('an old Node.js: before any of its newer syntax is read', () => {
    const preload = join(work, 'old-node.cjs');
    writeFileSync(
      preload,
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.4' } });",
    );
    const said = failure(run('bootstrap.mjs', [], { path: pathWith(), nodeArgs: ['--require', preload] }));
    expect(said).toMatch(/Node\.js 20\.19 or newer is needed, this is 18\.20\.4/);
  });

  it('a step or a command line that does not exist', () => {
    const path = pathWith();
    expect(failure(run('bootstrap.mjs', ['tensorfolw'], { path }))).toMatch(
      /no step "tensorfolw"\n.*deps, tensorflow, addon/,
    );
    for (const args of [[], ['2.9.1'], ['2.9', '--', 'node'], ['2.9.1', 'node']]) {
      expect(failure(run('with-tf.mjs', args, { path }))).toMatch(/expected a TensorFlow version, "--" and a command/);
    }
  });
});

describe('the native engine', () => {
  it.each([
    ['no C++ compiler', ['cmake', 'make'], /no C\+\+ compiler was found/],
    ['no cmake', ['g++', 'make'], /cmake was not found/],
    ['no make', ['g++', 'cmake'], /make was not found/],
  ])('is left out with one clear line, not an error, where there is %s', (_, programs, message) => {
    const project = makeProject();
    writeFileSync(join(project, 'CMakeLists.txt'), '');
    for (const name of ['node-addon-api', 'node-api-headers', 'cmake-js']) {
      symlinkSync(join(ROOT, 'node_modules', name), join(project, 'node_modules', name));
    }
    const result = run('bootstrap.mjs', ['addon'], { project, path: pathWith(...programs) });
    expect(result.status).toBe(0);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).toMatch(/the js engine does its work[\s\S]*apt-get install g\+\+ make cmake/);
    expect(existsSync(join(project, 'build'))).toBe(false);
  });
});

describe('a bootstrap that has nothing to do', () => {
  it('says nothing, writes nothing, and starts no program: there is none in its PATH', () => {
    const project = makeProject();
    const files = () => readdirSync(project, { recursive: true, encoding: 'utf8' }).sort();
    const before = files();
    const result = run('bootstrap.mjs', ['deps'], { project, path: pathWith() });
    expect(result.stderr).not.toContain('tfjs-ema: ');
    expect([result.status, result.stdout, files()]).toEqual([0, '', before]);
  });

  it('leaves no lock behind', () => {
    run('bootstrap.mjs', ['deps'], { path: pathWith() });
    expect(readdirSync(work).filter((name) => name.endsWith('.lock'))).toEqual([]);
  });
});

describe('another TensorFlow', () => {
  it('reaches tfjs-node through the preload script, in workers and child processes too', () => {
    const binding = join(ROOT, TFJS_NODE, 'lib', 'napi-v8', 'tfjs_binding.node');
    const load = `
      const module = { exports: {} };
      process.dlopen(module, '/nowhere/tfjs_binding.node');
      console.log(module.exports.TF_Version);`;
    const code = `${load}
      new (require('worker_threads').Worker)(${JSON.stringify(load)}, { eval: true });
      console.log(require('child_process').execFileSync(process.execPath, ['-e', ${JSON.stringify(load)}]).toString());`;
    const hook = join(work, 'with a space', 'redirect-binding.cjs');
    mkdirSync(dirname(hook));
    cpSync(join(ROOT, TOOLS, 'redirect-binding.cjs'), hook);
    const env = { ...process.env, NODE_OPTIONS: `--require "${hook}"`, TFJS_EMA_TFJS_BINDING: binding };
    const { stdout } = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8', env });
    expect(stdout.trim().split(/\s+/)).toHaveLength(3);
    expect(new Set(stdout.trim().split(/\s+/)).size).toBe(1);
  });
});
