// Every example, and every snippet of README and docs, run as a user would run it.
// What the library computes is tested elsewhere.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tsx = join(root, 'node_modules', 'tsx', 'dist', 'cli.mjs');

/** Runs a TypeScript file with the aliases of the project's tsconfig; its output. */
function run(file: string): string {
  return execFileSync(process.execPath, [tsx, '--tsconfig', join(root, 'tsconfig.json'), file], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2', VITEST: '' },
  });
}

/** What each example must say. */
const examples: readonly [name: string, output: RegExp][] = [
  [
    'fit',
    /^(epoch \d+\/10: ema 0\.\d+ loss \S+ acc \S+, raw loss \S+ acc \S+\n){10}test accuracy of the best average: (0\.9|1).*engine: native/s,
  ],
  ['fit-dataset', /epochs: [2-8]\n.*validation loss of the average: \[\s+0\.\d/s],
  ['custom-loop', /raw weights: (0\.9|1).*average: (0\.9|1)/s],
  ['hand-written', /raw weights: (0\.9|1).*average: (0\.9|1).*read: hidden bias inner out/s],
  ['mean-teacher', /accuracy of the teacher: (0\.8|0\.9|1)/s],
  ['resume', /epochs before: \d+\nepochs now: \d+ steps counted: \d+/s],
  ['tensorboard', /runs: ema_0\.8, ema_0\.9, ema_best, raw, train, val/],
  ['target-network', /\[ 1, 1, 1, 1, 1 \]/s],
];

/** Of an example. */
const MAX_LINES = 25;

describe('examples', () => {
  // What an earlier run left.
  beforeAll(() => rmSync(join(root, 'out', 'examples'), { recursive: true, force: true }));

  it('are all listed here', () => {
    // browser.ts runs in Chromium: test/browser/storage.test.ts; systems in systems.test.ts.
    const others = ['spirals.ts', 'browser.ts', 'systems'];
    const files = readdirSync(join(root, 'examples')).filter((file) => !others.includes(file));
    expect(files.sort()).toEqual(examples.map(([name]) => `${name}.ts`).sort());
  });

  it.each(examples)('%s is short, runs and says what it should', (name, output) => {
    const file = join(root, 'examples', `${name}.ts`);
    expect(readFileSync(file, 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(MAX_LINES);
    expect(run(file)).toMatch(output);
  });
});

describe('resume', () => {
  it('goes on where it ended', () => {
    rmSync(join(root, 'out', 'examples', 'run'), { recursive: true, force: true });
    const file = join(root, 'examples', 'resume.ts');
    expect(run(file)).toMatch(/epochs before: 0\nepochs now: 5 steps counted: 40\n/);
    expect(run(file)).toMatch(/epochs before: 5\nepochs now: 10 steps counted: 80\n/);
  });
});

/** The names that snippets take for given; what a snippet imports or declares goes before them. */
const PRELUDE = `
import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { network, spirals } from '${join(root, 'examples', 'spirals.js')}';
const { x, y } = spirals(256, 1);
const { x: xVal, y: yVal } = spirals(64, 2);
const { x: xTest, y: yTest } = spirals(64, 3);
const data = { x, y, xVal, yVal, xTest, yTest, batches: [[x, y], [x, y]] };
const makeModel = () => network(4);
const accuracyOf = async (model, x, y) => model.evaluate(x, y)[1].dataSync()[0];
Object.assign(globalThis, { tf, WeightEma, ...data, makeModel, accuracyOf, model: makeModel(), ema: new WeightEma(tf) });
process.chdir(process.env.SNIPPET_FOLDER);
`;

/** The TypeScript blocks of a Markdown file. */
function snippets(file: string): string[] {
  const blocks = readFileSync(join(root, file), 'utf8').matchAll(/^```ts\n(.*?)^```/gms);
  return [...blocks].map(([, code = '']) => code);
}

const all = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
].flatMap((file) => snippets(file).map((code, index) => [`${file} ${index + 1}`, code] as const));

describe('snippets', () => {
  it.each(all)('%s runs', (_, code) => {
    const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-snippet-'));
    try {
      // Below the project, so that its packages are found.
      mkdirSync(join(root, 'out'), { recursive: true });
      const [prelude, file] = ['prelude', 'snippet'].map((name) => join(root, 'out', `${name}-${process.pid}.mts`));
      if (prelude === undefined || file === undefined) throw new Error('no names');
      writeFileSync(prelude, PRELUDE.replace('process.env.SNIPPET_FOLDER', JSON.stringify(folder)));
      writeFileSync(file, `import ${JSON.stringify(prelude)};\n${code}`);
      try {
        expect(() => run(file)).not.toThrow();
      } finally {
        rmSync(prelude);
        rmSync(file);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
