// Twelve things that people do with averages of weights: the lines that a user writes for each here, run, and counted.
// The lines of other libraries were counted from their documentation.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WeightEma } from '../../src/index.js';
import { data, denseModel, tf } from '../support/models.js';

interface Task {
  /** Lines that end in `//` are the program around it, and not counted. */
  readonly code: string;
  /** Lines of pytorch_ema, timm and ema-pytorch, and of Keras, where it is an option of the optimizer; undefined where it can't be done. */
  readonly others: readonly (number | undefined)[];
  /** What the code leaves in `seen`. */
  readonly check: (seen: Readonly<Record<string, unknown>>) => void;
}

const number = expect.any(Number);
const TASKS: Readonly<Record<string, Task>> = {
  'one average in a loop': {
    code: `
      const ema = new WeightEma(tf, { decays: 0.999 }).attach(model);
      for (let step = 1; step <= 4; step += 1) { await model.trainOnBatch(x, y); //
      ema.update();
      } seen.steps = ema.steps; //`,
    others: [2, 2, 2, 1],
    check: ({ steps }) => expect(steps).toBe(4),
  },
  'one average in fit': {
    code: `
      const ema = new WeightEma(tf, { decays: 0.999 });
      await model.fit(x, y, { epochs: 2, verbose: 0, //
        callbacks: [ema.callback()],
      }); seen.steps = ema.steps; //`,
    others: [undefined, undefined, undefined, 1],
    check: ({ steps }) => expect(steps).toBe(4),
  },
  'evaluate once with it': {
    code: `
      const ema = await trained(); //
      const loss = ema.use(0.9, () => model.evaluate(x, y));
      seen.loss = [loss].flat()[0].dataSync()[0]; //`,
    others: [2, 1, 1, 2],
    check: ({ loss }) => expect(loss).toEqual(number),
  },
  'validate every epoch with it': {
    code: `
      const ema = new WeightEma(tf); //
      const history = await model.fit(x, y, { epochs: 2, verbose: 0, validationSplit: 0.25, //
        callbacks: [ema.callback()],
      }); seen.losses = history.history.val_ema_loss; //`,
    others: [2, 1, 1, 1],
    check: ({ losses }) => expect(losses).toEqual([number, number]),
  },
  'five decays, the best on validation': {
    code: `
      const ema = new WeightEma(tf, { decays: [0.5, 0.6, 0.7, 0.8, 0.9] });
      await model.fit(x, y, { epochs: 2, verbose: 0, validationData: [x, y], callbacks: [ema.callback()] }); //
      seen.best = ema.use('current', () => ema.bests[0].decay); //`,
    others: [12, 12, 8, undefined],
    check: ({ best }) => expect([0.5, 0.6, 0.7, 0.8, 0.9]).toContain(best),
  },
  'the weights of the best epoch': {
    code: `
      const ema = await trained(); //
      const weights = ema.read('best');
      seen.names = Object.keys(weights).length; tf.dispose(weights); //`,
    others: [5, 2, 5, 2],
    check: ({ names }) => expect(names).toBe(8),
  },
  'save it as a plain model': {
    code: `
      const ema = await trained(); //
      await ema.saveModel('best', 'file://' + folder + '/model');
      seen.loaded = (await tf.loadLayersModel('file://' + folder + '/model/model.json')).predict(x).shape; //`,
    others: [3, 1, 1, 2],
    check: ({ loaded }) => expect(loaded).toEqual([64, 3]),
  },
  'stop and resume': {
    code: `
      const first = await trained(); //
      await first.saveRun(folder + '/run');
      const ema = new WeightEma(tf, { decays: [0.5, 0.9] }); //
      const run = await ema.resume(folder + '/run');
      await run.model.fit(x, y, { epochs: 3, initialEpoch: run.initialEpoch, verbose: 0, callbacks: [ema.callback()] }); //
      seen.steps = [first.steps, ema.steps]; //`,
    others: [2, 2, 2, 0],
    check: ({ steps }) => expect(steps).toEqual([4, 6]),
  },
  'a warm-up': {
    code: `
      const ema = new WeightEma(tf, { decays: 0.999 }).attach(model); //
      seen.warmup = ema.facts.settings.warmup; //`,
    others: [0, 1, 1, undefined],
    check: ({ warmup }) => expect(warmup).toBe('paper'),
  },
  'recompute BatchNorm': {
    code: `
      const ema = await trained(); //
      await ema.recomputeBatchNorm(x);
      seen.loss = [ema.use(0.9, () => model.evaluate(x, y))].flat()[0].dataSync()[0]; //`,
    others: [undefined, undefined, undefined, undefined],
    check: ({ loss }) => expect(loss).toEqual(number),
  },
  'print the averages of each epoch': {
    code: `
      const ema = new WeightEma(tf, { decays: 0.9 }); //
      const validation = { epochs: 2, verbose: 0, validationData: [x, y] }; //
      await model.fit(x, y, { ...validation, //
        callbacks: [ema.callback({ log: console.log })],
      }); seen.lines = lines; //`,
    others: [2, 2, 2, 0],
    check: ({ lines }) =>
      expect(lines).toEqual([
        expect.stringMatching(/^epoch 1\/2: ema 0\.9 loss /),
        expect.stringMatching(/^epoch 2\/2: /),
      ]),
  },
  'the average into the model at the end': {
    code: `
      const ema = await trained(); //
      ema.putBack('best');
      seen.done = true; //`,
    others: [1, 1, 1, 0],
    check: ({ done }) => expect(done).toBe(true),
  },
};

/** Lines of a task that a user writes. */
function linesOf(code: string): number {
  return code.split('\n').filter((line) => line.trim() !== '' && !line.trimEnd().endsWith('//')).length;
}

describe('what a user writes', () => {
  it.each(Object.entries(TASKS))('%s', async (_, { code, others, check }) => {
    const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-'));
    const { x, y } = data(64);
    const model = denseModel();
    const made: WeightEma[] = [];
    class Kept extends WeightEma {
      constructor(...given: ConstructorParameters<typeof WeightEma>) {
        super(given[0], { onWarning: () => undefined, ...given[1] });
        made.push(this);
      }
    }
    const trained = async (): Promise<WeightEma> => {
      const ema = new Kept(tf, { decays: [0.5, 0.9] });
      const fit = { epochs: 2, batchSize: 32, verbose: 0, validationData: [x, y] as [typeof x, typeof y] };
      await model.fit(x, y, { ...fit, callbacks: [ema.callback()] });
      return ema;
    };
    const lines: string[] = [];
    const console = { log: (line: string) => lines.push(line) };
    const seen: Record<string, unknown> = {};
    const scope = { tf, WeightEma: Kept, model, x, y, trained, folder, seen, console, lines };
    try {
      const run = new Function(...Object.keys(scope), `return (async () => {${code}\n})();`);
      await run(...Object.values(scope));
      check(seen);
    } finally {
      for (const ema of made) ema.dispose();
      rmSync(folder, { recursive: true, force: true });
    }
    expect(existsSync(folder)).toBe(false);
    const [torchEma, timm, emaPytorch] = others;
    for (const theirs of [torchEma, timm, emaPytorch]) expect(linesOf(code)).toBeLessThanOrEqual(theirs ?? 99);
  });
});
