// A program with two copies of this package, each with an addon of its own, or with two copies of tfjs.
// Its arguments: `package` and the folder of each copy; or `tfjs`.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { LayersModel } from '@tensorflow/tfjs';
import type * as tfNode from '@tensorflow/tfjs-node';
import type * as Package from '../../../src/index.js';

type Tf = typeof tfNode;

const require = createRequire(import.meta.url);
const OPTIONS: Package.EmaOptions = { decays: [0.5, 0.75], updateEvery: 1, warmup: 'none', engine: 'native' };

let models = 0;

function makeModel(tf: Tf): LayersModel {
  // Two copies of tfjs have one list of variables, and count their layers apart.
  models += 1;
  const name = `layer${models}`;
  return tf.sequential({ layers: [tf.layers.dense({ name, units: 3, inputShape: [3], kernelInitializer: 'zeros' })] });
}

function become(tf: Tf, model: LayersModel, value: number): void {
  tf.tidy(() => model.setWeights(model.getWeights().map((weight) => tf.fill(weight.shape, value))));
}

/** The averages after each has seen 1 and 2, in turns; the values of the second average. */
function inTurns(parts: readonly { readonly tf: Tf; readonly model: LayersModel; readonly ema: Package.WeightEma }[]) {
  for (const value of [1, 2]) {
    for (const { tf, model, ema } of parts) {
      become(tf, model, value);
      ema.update();
    }
  }
  return parts.map(({ model, ema }) => ema.use({ index: 1 }, () => model.getWeights()[0]?.dataSync()[8]));
}

async function twoPackages(folders: readonly string[]): Promise<unknown> {
  const tf: Tf = require('@tensorflow/tfjs-node');
  const parts = [];
  for (const folder of folders) {
    const { WeightEma }: typeof Package = await import(pathToFileURL(`${folder}/src/index.js`).href);
    const model = makeModel(tf);
    parts.push({ tf, model, ema: new WeightEma(tf, OPTIONS).attach(model), WeightEma });
  }
  const [a, b] = parts;
  return { apart: a?.WeightEma !== b?.WeightEma, values: inTurns(parts) };
}

/** tfjs-node, and once more, as if it lay in node_modules of two packages. */
async function twoTfjs(): Promise<unknown> {
  const { EmaError, WeightEma } = await import('../../../src/index.js');
  const first: Tf = require('@tensorflow/tfjs-node');
  for (const name of Object.keys(require.cache)) if (name.includes('@tensorflow')) delete require.cache[name];
  const second: Tf = require('@tensorflow/tfjs-node');
  const parts = [first, second].map((tf) => {
    const model = makeModel(tf);
    return { tf, model, ema: new WeightEma(tf, OPTIONS).attach(model) };
  });
  const values = inTurns(parts);
  let mixed = '';
  try {
    new WeightEma(first, OPTIONS).attach(makeModel(second));
  } catch (error) {
    mixed = error instanceof EmaError ? `${error.code} ${error.message}` : `${error}`;
  }
  return { apart: first.LayersModel !== second.LayersModel, values, mixed };
}

const [what, ...folders] = process.argv.slice(2);
process.stdout.write(JSON.stringify(await (what === 'tfjs' ? twoTfjs() : twoPackages(folders))));
