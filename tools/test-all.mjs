// Everything that must hold, stage by stage, in a quarter of an hour on two cores: what CI runs, all of it or some of its stages a job.
// Plain Node, no packages: a clean clone starts with it. A stage that fails stops none that follow. Hours long: tools/test-long.mjs.
//
//   node tools/test-all.mjs                        all
//   node tools/test-all.mjs --only tests,checks    some
//   node tools/test-all.mjs --skip durability      all but some
//   node tools/test-all.mjs --list                 names the stages
//
// The last line is "N passed, N failed": tests, as vitest itself reports them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runLanes, runStage, summary } from './shared/stages.mjs';
import { PROJECT } from './tensorflow/project.mjs';

const node = (path, ...args) => [process.execPath, join(PROJECT, 'tools', path), ...args];
const vitest = (...projects) => ['npx', 'vitest', 'run', ...projects.flatMap((name) => ['--project', name])];

/** First and alone: it also makes a clean clone ready. `isTests`: a run of vitest, which takes its options and leaves a report. */
const first = { name: 'tests', command: ['npm', 'test', '--'], isTests: true };

/** The rest, on two cores in two lanes of about the same length. Neither touches what the other makes. */
const lanes = (scratch) => [
  [
    { name: 'durability', command: vitest('durability'), isTests: true },
    // The JavaScript engine as it runs where there is no tfjs-node.
    { name: 'plain-tfjs', command: node('release/test-plain-tfjs.mjs'), isTests: true },
    { name: 'study-tests', command: vitest('study'), isTests: true },
    { name: 'study', command: ['npm', 'run', 'study', '--', '--quick', '--out', join(scratch, 'study')] },
  ],
  [
    { name: 'checks', command: ['npm', 'run', 'check'] },
    { name: 'core', command: node('native/test-core.mjs') },
    { name: 'cuda', command: node('native/test-native-cuda.mjs') },
    { name: 'sanitizers', command: node('native/sanitize.mjs') },
    { name: 'faults', command: node('native/planted-faults.mjs', '--check') },
    { name: 'ptx-faults', command: node('native/planted-faults.mjs', '--only', 'native/cuda/ptx') },
    { name: 'package', command: node('release/pack-check.mjs') },
    { name: 'sbom', command: node('release/sbom.mjs', join(scratch, 'sbom.json')) },
    { name: 'install', command: node('release/test-install.mjs', 'npm') },
    { name: 'project', command: vitest('project'), isTests: true },
    { name: 'wine', command: node('release/test-wine.mjs') },
    { name: 'site', command: ['npm', 'run', 'site'] },
    // TensorFlow's own CUDA device on a driver that interprets our PTX: the one that tfjs-node-gpu ships, and the newest.
    ...['2.9.1', '2.21.0'].map((version) => ({
      name: `cuda-device-${version}`,
      command: [
        ...[...node('tensorflow/with-tf.mjs'), version, '--gpu', '--'],
        ...[...vitest('native'), 'test/native/fake-gpu.test.ts'],
      ],
      isTests: true,
    })),
    // After the site, whose live page it opens. Without webgpu: a simulated one loses its device now and then; tools/test-long.mjs has it.
    {
      name: 'browser',
      command: [
        ...node('browser/test-browser.mjs'),
        ...['cpu', 'wasm', 'webgl', 'live'].flatMap((name) => ['--project', name]),
      ],
      isTests: true,
    },
    // What loads TensorFlow, once more on the one that tfjs-node ships.
    {
      name: 'tensorflow-2.9.1',
      command: [...node('tensorflow/with-tf.mjs'), '2.9.1', '--', ...vitest('facade', 'native')],
      isTests: true,
    },
    // The oldest, which it installs on arm64: the addon and both engines' contract, as the rest of the facade sees no difference.
    {
      name: 'tensorflow-2.7.4',
      command: [
        ...[...node('tensorflow/with-tf.mjs'), '2.7.4', '--', ...vitest('facade', 'native')],
        ...['test/native', 'test/facade/engine'],
      ],
      isTests: true,
    },
  ],
];

/** The stages that were asked for: whether the first is among them, and the others in their lanes. */
function chosen(all, { only, skip }) {
  const names = [first, ...all.flat()].map(({ name }) => name);
  const listed = (text) => text?.split(',').map((name) => name.trim()) ?? [];
  const unknown = [...listed(only), ...listed(skip)].find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`there is no stage '${unknown}': name some of ${names.join(', ')}`);
  const isWanted = ({ name }) => (only === undefined || listed(only).includes(name)) && !listed(skip).includes(name);
  return { isFirst: isWanted(first), others: all.map((lane) => lane.filter(isWanted)) };
}

async function main() {
  const string = { type: 'string' };
  const { values } = parseArgs({ options: { only: string, skip: string, list: { type: 'boolean' } } });
  const scratch = mkdtempSync(join(tmpdir(), 'tfjs-ema-all-'));
  // On exit: also where a signal ends this process.
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const { isFirst, others } = chosen(lanes(scratch), values);
  if (values.list) {
    const wanted = [...(isFirst ? [first] : []), ...others.flat()];
    const lines = wanted.map(({ name, command }) => `${name.padEnd(18)}  ${command.join(' ')}\n`);
    process.stdout.write(lines.join(''));
    return 0;
  }
  const prepare = { name: 'bootstrap', command: node('tensorflow/bootstrap.mjs') };
  const started = performance.now();
  const results = [await runStage(isFirst ? first : prepare, scratch)];
  results.push(...(await runLanes(others, scratch)));
  const { lines, ok } = summary(results, (performance.now() - started) / 1000);
  process.stdout.write(`${lines.join('\n')}\n`);
  return ok ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = await main();
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
