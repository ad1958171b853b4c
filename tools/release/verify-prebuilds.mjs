// The gate before a release: every binary is there, is what targets.mjs promises, loads, and computes; then their SHA-256 list is written.
// Builds nothing.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PROJECT } from '../tensorflow/project.mjs';
import { readElf } from './elf.mjs';
import { nodeRunner } from './node-program.mjs';
import { GLIBC, MAX_BYTES, prebuildPath, TARGETS } from './targets.mjs';

const ENTRY_POINTS = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];
const LIBRARIES = /^(lib(c|m|dl|pthread|rt)\.so\.\d+|ld-linux-[\w-]+\.so\.\d+)$/;

/** Whether a version such as "2.9" is at most another such as "2.28". */
function atMost(version, limit) {
  const [major, minor] = version.split('.').map(Number);
  const [limitMajor, limitMinor] = limit.split('.').map(Number);
  return major < limitMajor || (major === limitMajor && minor <= limitMinor);
}

function symbolFaults({ symbols, versions }) {
  const exported = symbols.filter(({ defined }) => defined).map(({ name }) => name);
  const strange = symbols.filter(
    ({ name, defined, weak, version }) => !defined && !weak && !version && !/^(napi|node_api)_/.test(name),
  );
  const tooNew = versions.filter(({ version }) => !version.startsWith('GLIBC_') || !atMost(version.slice(6), GLIBC));
  return [
    ...(exported.sort().join() === ENTRY_POINTS.join()
      ? []
      : [`exports ${exported.join(', ') || 'nothing'}, not just Node-API's entry points`]),
    ...strange.map(({ name }) => `needs ${name}, which nothing provides`),
    ...tooNew.map(({ library, version }) => `needs ${version} of ${library}; the oldest supported is GLIBC_${GLIBC}`),
  ];
}

/**
 * What is wrong with a binary.
 * @returns sentences; none when all is well.
 */
export function faultsOf(file, { elfMachine }) {
  const elf = readElf(file);
  const bytes = statSync(file).size;
  const rules = [
    [elf.class === 'ELF64', `is ${elf.class}, not ELF64`],
    [elf.machine === elfMachine, `is for machine ${elf.machine}, not ${elfMachine}`],
    [elf.needed.every((name) => LIBRARIES.test(name)), `links ${elf.needed.join(', ')}, more than the C library`],
    [elf.searchPaths.length === 0, `searches ${elf.searchPaths.join(', ')} for libraries`],
    [elf.relro && elf.bindNow, 'lacks full RELRO (-z relro -z now)'],
    [!elf.executableStack, 'wants an executable stack'],
    [!elf.textRelocations, 'has text relocations'],
    [elf.noDelete, 'can be unloaded while TensorFlow holds its ops (-z nodelete)'],
    [bytes <= MAX_BYTES, `has ${bytes} bytes, more than ${MAX_BYTES}`],
  ];
  return [...rules.filter(([holds]) => !holds).map(([, fault]) => fault), ...symbolFaults(elf)];
}

function selfTest(file, runner) {
  const script = join(PROJECT, 'tools', 'release', 'load-check.mjs');
  const { status, stdout, stderr, error } = spawnSync(runner[0], [...runner.slice(1), script, file], {
    encoding: 'utf8',
  });
  if (status === 0) return { report: stdout.trim(), faults: [] };
  return { report: '', faults: [`does not pass the self-test: ${error?.message ?? (stderr || stdout).trim()}`] };
}

function verify(target, folder, { requireLoad }) {
  const file = join(folder, prebuildPath(target));
  if (!existsSync(file)) return { faults: ['is missing'] };
  const bytes = readFileSync(file);
  const faults = faultsOf(file, target);
  const runner = nodeRunner(target);
  const loaded = runner ? selfTest(file, runner) : { report: 'not loaded: another processor', faults: [] };
  if (!runner && requireLoad)
    loaded.faults.push(
      'cannot be loaded here: install qemu-user, libc6-arm64-cross and libstdc++6-arm64-cross, or set NODE_ARM64',
    );
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { faults: [...faults, ...loaded.faults], sha256, bytes: bytes.length, report: loaded.report };
}

/** Files under prebuilds/ that no target accounts for. */
function strangers(folder) {
  const expected = new Set(['SHA256SUMS', ...TARGETS.map(prebuildPath)]);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files
    .map(({ parentPath, path, name }) => join(parentPath ?? path, name).slice(folder.length + 1))
    .filter((file) => !expected.has(file));
}

function main() {
  const { values } = parseArgs({
    options: {
      folder: { type: 'string', default: join(PROJECT, 'prebuilds') },
      'require-load': { type: 'boolean', default: false },
      'same-as': { type: 'string' },
    },
  });
  const folder = resolve(values.folder);
  const lines = [];
  const faults = existsSync(folder) ? strangers(folder).map((file) => `${file} belongs to no target`) : [];
  for (const target of TARGETS) {
    const name = prebuildPath(target);
    const result = verify(target, folder, { requireLoad: values['require-load'] });
    faults.push(...result.faults.map((fault) => `${name} ${fault}`));
    if (result.sha256 === undefined) continue;
    lines.push(`${result.sha256}  ${name}`);
    process.stdout.write(`${result.sha256}  ${name}  ${result.bytes} bytes; ${result.report}\n`);
    const other = values['same-as'] && join(resolve(values['same-as']), name);
    if (other && !readFileSync(other).equals(readFileSync(join(folder, name))))
      faults.push(`${name} differs from ${other}: the build is not reproducible`);
  }
  if (faults.length > 0) {
    process.stderr.write(`${faults.join('\n')}\n`);
    process.exit(1);
  }
  writeFileSync(join(folder, 'SHA256SUMS'), `${lines.join('\n')}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
