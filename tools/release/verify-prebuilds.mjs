// The gate before a release: every binary is there, is what targets.mjs promises, loads, and computes; then their SHA-256 list is written.
// Builds nothing.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PROJECT } from '../tensorflow/project.mjs';
import { readElf } from './elf.mjs';
import { nodeRunner, runNode } from './node-program.mjs';
import { readMachO, readPe } from './objdump.mjs';
import { GLIBC, MACOS, MAX_BYTES, prebuildPath, TARGETS } from './targets.mjs';

const ENTRY_POINTS = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];
const LIBRARIES = /^(lib(c|m|dl|pthread|rt)\.so\.\d+|ld-linux-[\w-]+\.so\.\d+)$/;
/** Where Zig's linker says that the library begins: no function, and nobody looks these up by name. */
const ZIG_MARKS = ['__mh_dylib_header', '___dso_handle'];
const MACOS_LIBRARY = '/usr/lib/libSystem.B.dylib';
/** The C runtime is part of Windows since 10. */
const WINDOWS_LIBRARIES = /^(node\.exe|KERNEL32\.dll|api-ms-win-crt-[\w-]+\.dll)$/;

/** Whether a version such as "2.9" is at most another such as "2.28". */
function atMost(version, limit) {
  const [major, minor] = version.split('.').map(Number);
  const [limitMajor, limitMinor] = limit.split('.').map(Number);
  return major < limitMajor || (major === limitMajor && minor <= limitMinor);
}

/** The rule for what a binary exports; macOS puts a `_` before each name. */
const exportsOnlyEntries = (exported, prefix = '') => [
  exported.toSorted().join() === ENTRY_POINTS.map((name) => prefix + name).join(),
  `exports ${exported.join(', ') || 'nothing'}, not just Node-API's entry points`,
];

function symbolFaults({ symbols, versions }) {
  const strange = symbols.filter(
    ({ name, defined, weak, version }) => !defined && !weak && !version && !/^(napi|node_api)_/.test(name),
  );
  const tooNew = versions.filter(({ version }) => !version.startsWith('GLIBC_') || !atMost(version.slice(6), GLIBC));
  return [
    ...strange.map(({ name }) => `needs ${name}, which nothing provides`),
    ...tooNew.map(({ library, version }) => `needs ${version} of ${library}; the oldest supported is GLIBC_${GLIBC}`),
  ];
}

/** Pairs of what must hold and what is said where it does not. */
function elfRules(file, machine) {
  const elf = readElf(file);
  return [
    [elf.class === 'ELF64', `is ${elf.class}, not ELF64`],
    [elf.machine === machine, `is for machine ${elf.machine}, not ${machine}`],
    [elf.needed.every((name) => LIBRARIES.test(name)), `links ${elf.needed.join(', ')}, more than the C library`],
    [elf.searchPaths.length === 0, `searches ${elf.searchPaths.join(', ')} for libraries`],
    [elf.relro && elf.bindNow, 'lacks full RELRO (-z relro -z now)'],
    [!elf.executableStack, 'wants an executable stack'],
    [!elf.textRelocations, 'has text relocations'],
    [elf.noDelete, 'can be unloaded while TensorFlow holds its ops (-z nodelete)'],
    exportsOnlyEntries(elf.symbols.filter(({ defined }) => defined).map(({ name }) => name)),
    ...symbolFaults(elf).map((fault) => [false, fault]),
  ];
}

function machORules(file, machine) {
  const library = readMachO(file);
  const strange = library.flat.filter((name) => !/^_(napi|node_api)_/.test(name));
  return [
    [library.machine === machine, `is for machine ${library.machine}, not ${machine}`],
    [['BUNDLE', 'DYLIB'].includes(library.kind), `is a ${library.kind}, which cannot be loaded`],
    [atMost(library.minimumOs ?? '99', MACOS), `needs macOS ${library.minimumOs}; the oldest supported is ${MACOS}`],
    [library.needed.join() === MACOS_LIBRARY, `links ${library.needed.join(', ')}, not just ${MACOS_LIBRARY}`],
    [library.searchPaths.length === 0, `searches ${library.searchPaths.join(', ')} for libraries`],
    [strange.length === 0, `needs ${strange.join(', ')}, which nothing provides`],
    // Intel's run it without, and Zig signs for Apple's alone.
    [
      machine !== 'ARM64' || library.isSigned,
      'has no signature, or one of other bytes: an arm64 Mac loads no such file',
    ],
    exportsOnlyEntries(
      library.exported.filter((name) => !ZIG_MARKS.includes(name)),
      '_',
    ),
  ];
}

function peRules(file, machine) {
  const { format, imported, exported, hardening } = readPe(file);
  const strange = imported.filter(({ library }) => !WINDOWS_LIBRARIES.test(library)).map(({ library }) => library);
  const ofNode = imported.find(({ library }) => library === 'node.exe')?.names ?? [];
  const unstable = ofNode.filter((name) => !/^(napi|node_api)_/.test(name));
  const lacks = ['DYNAMIC_BASE', 'HIGH_ENTROPY_VA', 'NX_COMPAT'].filter((flag) => !hardening.includes(flag));
  return [
    [format === machine, `is ${format}, not ${machine}`],
    [strange.length === 0, `imports ${strange.join(', ')}, more than Windows itself has`],
    [unstable.length === 0, `needs ${unstable.join(', ')} of Node, which is not Node-API`],
    [lacks.length === 0, `lacks ${lacks.join(', ')}`],
    exportsOnlyEntries(exported),
  ];
}

const RULES = { linux: elfRules, darwin: machORules, win32: peRules };

/**
 * What is wrong with a binary.
 * @returns sentences; none when all is well.
 */
export function faultsOf(file, { platform, machine }) {
  const bytes = statSync(file).size;
  const rules = [...RULES[platform](file, machine), [bytes <= MAX_BYTES, `has ${bytes} bytes, more than ${MAX_BYTES}`]];
  return rules.filter(([holds]) => !holds).map(([, fault]) => fault);
}

function selfTest(file, runner) {
  const { status, output } = runNode(runner, [join(PROJECT, 'tools', 'release', 'load-check.mjs'), file]);
  if (status === 0) return { report: output, faults: [] };
  return { report: '', faults: [`does not pass the self-test: ${output}`] };
}

/** What has to be there to load a target's binary on Linux x64; nothing loads those of macOS. */
function runnerHint({ platform }) {
  if (platform === 'win32') return 'install wine64';
  return 'install qemu-user, libc6-arm64-cross, libstdc++6-arm64-cross and libatomic1-arm64-cross, or set NODE_ARM64';
}

function verify(target, folder, { requireLoad }) {
  const file = join(folder, prebuildPath(target));
  if (!existsSync(file)) return { faults: ['is missing'] };
  const bytes = readFileSync(file);
  const faults = faultsOf(file, target);
  const runner = nodeRunner(target);
  const loaded = runner ? selfTest(file, runner) : { report: 'not loaded: of another machine', faults: [] };
  if (!runner && requireLoad && target.platform !== 'darwin')
    loaded.faults.push(`cannot be loaded here: ${runnerHint(target)}`);
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
