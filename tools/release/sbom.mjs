// The list of what the package is made of (SBOM, CycloneDX 1.5): its npm dependencies, what is compiled into the binaries, their SHA-256.
// npm makes the first part. The same package gives the same bytes: no time and no random number is kept.
//
//   node tools/release/sbom.mjs [FILE]     out/sbom.cdx.json unless given
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { command, ROOT, run } from '../native/build-core.mjs';
import { prebuildPath, TARGETS } from './targets.mjs';

// Each dependency is one more thing to trust.
const MOST_DEPENDENCIES = 2;

/** What npm knows: required dependencies, with versions, licences and hashes. */
function npmSbom() {
  const options = ['--sbom-format', 'cyclonedx', '--sbom-type', 'library', '--omit', 'dev', '--omit', 'peer'];
  const sbom = JSON.parse(
    run('npm', ['sbom', ...options, '--package-lock-only'], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
    }),
  );
  delete sbom.serialNumber;
  delete sbom.metadata.timestamp;
  // npm takes the folder's name.
  sbom.metadata.component.name = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).name;
  return sbom;
}

/** What no package manager sees, because it is compiled into the binaries. */
function compiledIn() {
  const version = (name) => JSON.parse(readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')).version;
  const zig = /ZIG_VERSION = '([^']+)'/.exec(readFileSync(join(ROOT, 'tools', 'release', 'zig.mjs'), 'utf8'))?.[1];
  if (zig === undefined) throw new Error('tools/release/zig.mjs names no ZIG_VERSION any more');
  const library = (name, version, id, purl) => ({
    ...{ 'bom-ref': `${name}@${version}`, type: 'library', name, version, scope: 'required', purl },
    licenses: [{ license: { id } }],
    properties: [{ name: 'linkage', value: 'compiled into the binaries' }],
  });
  const addonApi = version('node-addon-api');
  const headers = version('node-api-headers');
  return [
    library('node-addon-api', addonApi, 'MIT', `pkg:npm/node-addon-api@${addonApi}`),
    library('node-api-headers', headers, 'MIT', `pkg:npm/node-api-headers@${headers}`),
    library('zig-libcxx', zig, 'Apache-2.0', `pkg:pypi/ziglang@${zig}`),
  ];
}

/** The binaries that are there. */
function binaries() {
  const paths = TARGETS.map((target) => prebuildPath(target));
  const there = paths.filter((path) => existsSync(join(ROOT, 'prebuilds', path)));
  return there.map((path) => {
    const content = createHash('sha256')
      .update(readFileSync(join(ROOT, 'prebuilds', path)))
      .digest('hex');
    return {
      'bom-ref': `prebuilds/${path}`,
      type: 'file',
      name: `prebuilds/${path}`,
      hashes: [{ alg: 'SHA-256', content }],
    };
  });
}

await command(() => {
  const sbom = npmSbom();
  const dependencies = sbom.components.length;
  if (dependencies > MOST_DEPENDENCIES) {
    const names = sbom.components.map(({ name }) => name).join(', ');
    throw new Error(`expected at most ${MOST_DEPENDENCIES} run-time dependencies, found ${dependencies}: ${names}`);
  }
  const files = binaries();
  sbom.components.push(...compiledIn(), ...files);
  const path = resolve(process.argv[2] ?? join(ROOT, 'out', 'sbom.cdx.json'));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(sbom, null, 2)}\n`);
  console.log(`${path}: ${dependencies} run-time dependencies, ${files.length} binaries`);
});
