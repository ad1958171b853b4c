// Averages whose process changes the backend of tfjs under them: tfjs moves tensors where they are needed, and so do averages.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { WeightEma } from '../../../src/index.js';
import { synthesize } from '../../../src/search.js';
import { data, denseModel, setRandomWeights, tf, valuesOf } from '../../support/models.js';

const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-backends-'));

afterAll(() => rmSync(folder, { recursive: true }));

afterEach(async () => {
  await tf.setBackend('tensorflow');
  tf.disposeVariables();
});

const quiet = { onWarning: () => undefined };
const STEPS = 9;

/** Everything that looks at averages, as numbers. */
async function looks(ema: WeightEma): Promise<unknown[]> {
  const { x, y } = data(8);
  const numbers = (tensors: ReturnType<WeightEma['read']>) => {
    const values = Object.values(valuesOf(tensors));
    tf.dispose(tensors);
    return values;
  };
  const twin = await ema.asModel(0.9);
  const named = join(folder, 'file');
  await ema.saveCheckpoint(named);
  await ema.saveModel(0.5, `file://${join(folder, 'model')}`);
  await ema.saveRun(join(folder, 'run'));
  const found = [
    numbers(ema.read(0.5)),
    numbers(synthesize(ema, 0.7).tensors),
    ema.use(0.9, (model) => model.weights.map((weight) => weight.read().dataSync())),
    twin.model.weights.map((weight) => weight.read().dataSync()),
    ema.diagnose().total.averages,
  ];
  twin.dispose();
  tf.dispose([x, y]);
  return found;
}

describe.each([
  ['native', 'tensorflow', 'cpu'],
  ['js', 'tensorflow', 'cpu'],
  ['js', 'cpu', 'tensorflow'],
] as const)('averages of engine %s, begun on %s and moved to %s', (engine, first, second) => {
  it('are what they would be without the move, whatever looks at them, and go on', async () => {
    const found: unknown[][] = [];
    for (const other of [first, second]) {
      await tf.setBackend(first);
      const model = denseModel();
      const options = { decays: [0.5, 0.9], updateEvery: 2, warmup: 'none' } as const;
      const ema = new WeightEma(tf, { ...options, engine, ...quiet }).attach(model);
      for (let step = 1; step <= STEPS; step += 1) {
        if (step === 4) await tf.setBackend(other);
        setRandomWeights(model, step);
        ema.update();
      }
      const seen = await looks(ema);
      await tf.setBackend(first);
      found.push([...seen, ...(await looks(ema))]);
      ema.dispose();
    }
    expect(found[1]).toEqual(found[0]);
  });
});
