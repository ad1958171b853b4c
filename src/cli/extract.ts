// The command `tfjs-ema extract`: a plain tfjs model of one average, from a checkpoint or the folder of a run.
// Trains nothing, and needs no tfjs: the program that trained may be gone.

import { parseArgs } from 'node:util';
import { quote } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import { VERSION } from '../base/version.js';
import { matchWeights } from '../disk/checkpoint-weights.js';
import { resolve } from '../disk/node.js';
import { withProvenance, writeModel } from '../disk/save-model.js';
import { type FoundAverage, findAverage } from './averages.js';
import { type FileWeight, type ModelFiles, modelOf, readModel } from './model-files.js';
import { operands, UsageError } from './operands.js';
import { NOT_AVERAGED, openSaved, type Saved } from './saved.js';

/** One line for the list of commands. */
export const EXTRACT_SUMMARY =
  "extract FILE WHICH --out DIR [--model DIR] [--json]   a plain tfjs model of one average, such as 0.999 or best, from a checkpoint (with --model: the model's folder) or the folder of a run";

/** A model of the averages' architecture, and what its weights are called in the checkpoint. */
interface Target {
  readonly artifacts: ModelFiles['artifacts'];
  readonly weights: readonly (FileWeight & { readonly savedAs: string })[];
}

/**
 * Runs the command.
 * @param args what follows `extract` on the command line.
 * @returns the exit code: 0.
 * @throws {@link EmaError} CHECKPOINT, INVALID_ARGUMENT — a file is damaged or does not fit, or there is no such average; nothing was written.
 */
export async function extract(args: readonly string[]): Promise<number> {
  const string = { type: 'string' } as const;
  const options = { out: string, model: string, json: { type: 'boolean', default: false } } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const [path, which] = operands(positionals, ['FILE', 'WHICH']);
  const { out, model } = values;
  if (out === undefined || out === '') throw new UsageError('expected --out DIR, the folder of the new model');
  const saved = await openSaved(path);
  const target = await targetOf(saved, model);
  for (const folder of [path, ...(model === undefined ? [] : [model])])
    if (resolve(folder) === resolve(out))
      throw new EmaError(
        'INVALID_ARGUMENT',
        `--out: expected another folder than ${folder}, which would be overwritten.`,
      );
  const found = findAverage(saved, which, saved.run && liveOf(target));
  await writeModel(out, artifactsOf(saved, target, { which, found }));
  const { label, record, pending } = found;
  if (pending > 0)
    process.stderr.write(
      `tfjs-ema extract: ${pending} steps since the last update are not in it, as the weights that they led to are not in a checkpoint; they are in the folder of a run.\n`,
    );
  const report = { out, label, best: record ?? null, steps: saved.standing.steps, pending };
  const text = `${out}\t${label}${record === undefined ? '' : `, best ${record.metric} ${record.value} of epoch ${record.epoch}`}\n`;
  process.stdout.write(values.json ? `${JSON.stringify(report, undefined, 2)}\n` : text);
  return 0;
}

/** The run's own model, or that of a folder. */
async function targetOf(saved: Saved, model: string | undefined): Promise<Target> {
  const { run, path } = saved;
  if (model === undefined && run === undefined)
    throw new EmaError(
      'INVALID_ARGUMENT',
      `--model: expected the folder of a model of this architecture, as ${path} holds averages alone. Any model.save('file://folder') of it will do; its weights are not used.`,
    );
  if (model !== undefined) return matched(saved, model, await readModel(model));
  const { stored, facts } = run ?? {};
  const { artifacts, weights } = await modelOf(
    path,
    stored?.topology ?? new Uint8Array(),
    async () => stored?.weights ?? new Uint8Array(),
  );
  return {
    artifacts,
    weights: weights.map((weight, index) => ({ ...weight, savedAs: facts?.names[index] ?? weight.name })),
  };
}

/** @throws {@link EmaError} CHECKPOINT — it has other weights than those that were averaged. */
function matched({ path, weights: saved }: Saved, folder: string, { artifacts, weights }: ModelFiles): Target {
  const own = Object.fromEntries(
    weights.map(({ name, shape }) => [
      name,
      `[${shape.join(', ')}]${saved[name]?.endsWith(NOT_AVERAGED) ? NOT_AVERAGED : ''}`,
    ]),
  );
  const { savedAs, differences } = matchWeights(saved, own);
  if (differences.length === 0 && Object.keys(own).length === weights.length)
    return { artifacts, weights: weights.map((weight) => ({ ...weight, savedAs: savedAs(weight.name) })) };
  const said = differences.length === 0 ? 'two weights of one name' : differences.slice(0, 10).join('; ');
  throw new EmaError(
    'CHECKPOINT',
    `${folder}: expected a model with the weights of ${path}, received one in which ${said}.`,
  );
}

/** The model's own weights as numbers. */
function liveOf({ weights }: Target): ReadonlyMap<string, Float32Array> {
  const floats = weights.filter(({ dtype }) => dtype === 'float32');
  return new Map(floats.map(({ savedAs, bytes }) => [savedAs, new Float32Array(bytes.slice().buffer)]));
}

function artifactsOf(
  { settings, standing: { steps, updates } }: Saved,
  { artifacts, weights }: Target,
  { which, found }: { readonly which: string; readonly found: FoundAverage },
): ModelFiles['artifacts'] {
  const { index, label, record, values } = found;
  const pieces = weights.map(({ savedAs, bytes }) => {
    const value = values.get(savedAs);
    if (value === undefined) return bytes;
    if (value.byteLength === bytes.length) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    throw new EmaError(
      'CHECKPOINT',
      `weight ${quote(savedAs)}: expected ${bytes.length} bytes, received ${value.byteLength}.`,
    );
  });
  const weightSpecs = weights.map(({ name, shape, dtype }) => ({ name, shape: [...shape], dtype }));
  const best = record === undefined ? {} : { best: record };
  return withProvenance(
    { ...artifacts, weightSpecs, weightData: pieces.map((piece) => piece.slice().buffer) },
    { version: VERSION, which, index, label, steps, updates, settings, ...best },
  );
}
