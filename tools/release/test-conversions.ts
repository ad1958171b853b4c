// The recipes of docs/files.md in the frameworks that they are for: a network trained here predicts the same there.
// The programs are those of the document. Python and 1 GB of packages: made once, in the cache.
//
//   npx tsx tools/release/test-conversions.ts

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-node';
import { encodeSafetensors, type StoredTensor } from '../../src/disk/safetensors.js';
import { WeightEma } from '../../src/index.js';
import { cacheDirectory } from '../tensorflow/cache.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PACKAGES = ['torch==2.13.0', 'keras==3.15.1', 'numpy==2.4.6', 'safetensors==0.8.0', 'huggingface_hub==2.4.0'];
const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-conversions-'));

/** The interpreter of an environment with all of them. */
function python(): string {
  const environment = join(cacheDirectory(), 'python-conversions');
  const interpreter = join(environment, 'bin', 'python');
  const complete = join(environment, PACKAGES.join(' '));
  if (existsSync(complete)) return interpreter;
  execFileSync('python3', ['-m', 'venv', '--clear', environment], { stdio: 'inherit' });
  execFileSync(interpreter, ['-m', 'pip', 'install', '--quiet', ...PACKAGES], { stdio: 'inherit' });
  writeFileSync(complete, '');
  return interpreter;
}

/** The program below a heading of the document. */
function recipe(heading: string, language: string): string {
  const text = readFileSync(join(ROOT, 'docs', 'files.md'), 'utf8').split(`\n## ${heading}\n`)[1] ?? '';
  const code = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'ms').exec(text)?.[1];
  if (code === undefined) throw new Error(`docs/files.md has no ${language} below ${heading}`);
  return code;
}

/** A convolution, BatchNorm, and a dense layer over means: no order of channels matters behind it. */
function network(): tf.LayersModel {
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({ name: 'conv', filters: 5, kernelSize: [3, 2], activation: 'relu', inputShape: [8, 7, 3] }),
      tf.layers.batchNormalization({ name: 'norm' }),
      tf.layers.globalAveragePooling2d({ name: 'pool' }),
      tf.layers.dense({ name: 'dense', units: 4 }),
    ],
  });
  model.compile({ optimizer: tf.train.adam(0.05), loss: 'meanSquaredError' });
  return model;
}

const stored = (tensor: tf.Tensor): StoredTensor => ({
  ...{ dtype: 'F32', shape: tensor.shape },
  data: Float32Array.from(tensor.dataSync<'float32'>()),
});

/** Trains, and leaves the run, its best average as safetensors, and what that predicts. */
async function train(): Promise<void> {
  const x = tf.randomNormal([32, 8, 7, 3], 0, 1, 'float32', 1);
  const y = tf.randomNormal([32, 4], 0, 1, 'float32', 2);
  const model = network();
  const ema = new WeightEma(tf, { decays: [0.8, 0.9] });
  await model.fit(x, y, { epochs: 4, batchSize: 8, verbose: 0, validationData: [x, y], callbacks: [ema.callback()] });
  await ema.saveRun(join(folder, 'run'));
  const predicted = await ema.use('best', () => stored(model.predict(x) as tf.Tensor));
  const data = {
    tensors: new Map([
      ['x', stored(x)],
      ['y', predicted],
    ]),
    metadata: new Map<string, string>(),
  };
  writeFileSync(join(folder, 'data.safetensors'), Buffer.concat(encodeSafetensors(data)));
  tfjsEma('extract', 'run', 'best', '--out', 'best.safetensors');
}

function tfjsEma(...args: readonly string[]): void {
  const program = [join(ROOT, 'node_modules', 'tsx', 'dist', 'cli.mjs'), join(ROOT, 'src', 'cli', 'main.ts')];
  execFileSync(process.execPath, [...program, ...args], { cwd: folder, stdio: 'inherit' });
}

const COMPARE = `
from safetensors.numpy import load_file as load
import numpy, sys
data = load("data.safetensors")
def compare(name, predicted):
    apart = float(numpy.abs(predicted - data["y"]).max())
    # Sums of at most 56 products of numbers near 1, in another order.
    assert apart < 1e-5, apart
    print(f"ok {name}: {predicted.size} predictions, at most {apart:.1e} apart")
`;

const PROGRAMS: Readonly<Record<string, string>> = {
  PyTorch: `${COMPARE}
import torch
model = torch.nn.Sequential()
model.add_module("conv", torch.nn.Conv2d(3, 5, (3, 2)))
model.add_module("relu", torch.nn.ReLU())
model.add_module("norm", torch.nn.BatchNorm2d(5, eps=0.001))
model.add_module("pool", torch.nn.AdaptiveAvgPool2d(1))
model.add_module("flatten", torch.nn.Flatten())
model.add_module("dense", torch.nn.Linear(5, 4))
model.eval()
${recipe('PyTorch', 'python')}
with torch.no_grad():
    compare(f"PyTorch {torch.__version__}", model(torch.tensor(data["x"]).permute(0, 3, 1, 2)).numpy())
`,
  'Keras 3': `${COMPARE}
import keras
def network():
    return keras.Sequential([
        keras.Input((8, 7, 3)),
        keras.layers.Conv2D(5, (3, 2), activation="relu", name="conv"),
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.GlobalAveragePooling2D(name="pool"),
        keras.layers.Dense(4, name="dense"),
    ])
model = network()
${recipe('Keras 3', 'python')}
again = network()
again.load_weights("best.weights.h5")
compare(f"Keras {keras.__version__}", keras.ops.convert_to_numpy(again(data["x"], training=False)))
`,
  'A folder for a hub': `
from huggingface_hub import ModelCard
card = ModelCard.load("hub/README.md")
assert card.data.tags == ["tfjs", "exponential-moving-average"], card.data
assert card.data.library_name == "tfjs" and "Validation loss 0." in card.text, card.text
print("ok hub: the card is read")
`,
};

/** The folder of the hub, by the document's own program and a model of this one. */
function makeHub(): void {
  const prelude = `
    import * as tf from '@tensorflow/tfjs-node';
    import { WeightEma } from 'tfjs-ema';
    const [x, y, xVal, yVal] = [0, 1, 0, 1].map((i) => tf.randomNormal([32, 3 - 2 * i], 0, 1, 'float32', 1 + i));
    const model = tf.sequential({ layers: [tf.layers.dense({ name: 'out', units: 1, inputShape: [3] })] });
    model.compile({ optimizer: tf.train.adam(0.1), loss: (a, b) => tf.losses.meanSquaredError(a, b).mul(0.1) });
    const ema = new WeightEma(tf, { decays: [0.5, 0.9] });
    process.chdir(${JSON.stringify(folder)});\n`;
  // Below the project, so that its packages are found.
  const file = join(ROOT, `.conversions-${process.pid}.mts`);
  const code = recipe('A folder for a hub', 'ts').replace("saveRun('run')", "saveRun('hub-run')");
  writeFileSync(file, `import { writeFile } from 'node:fs/promises';\n${prelude}${code.replace(/^import .*\n/m, '')}`);
  try {
    execFileSync(process.execPath, [join(ROOT, 'node_modules', 'tsx', 'dist', 'cli.mjs'), file], {
      cwd: ROOT,
      stdio: 'inherit',
    });
  } finally {
    rmSync(file);
  }
  tfjsEma('extract', 'hub-run', 'best', '--out', join('hub', 'model.safetensors'));
}

try {
  const interpreter = python();
  await train();
  makeHub();
  const env = { ...process.env, KERAS_BACKEND: 'torch' };
  for (const [name, program] of Object.entries(PROGRAMS)) {
    writeFileSync(join(folder, 'program.py'), program);
    process.stdout.write(`-- ${name}\n`);
    execFileSync(interpreter, ['program.py'], { cwd: folder, stdio: 'inherit', env });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
