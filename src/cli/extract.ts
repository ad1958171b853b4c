// The command `tfjs-ema extract`: a plain tfjs model of one average, or its weights alone, from a checkpoint or the folder of a run.
// Trains nothing, and needs no tfjs: the program that trained may be gone.

import { realpath } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { quote } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import { VERSION } from '../base/version.js';
import { writeAtomically } from '../disk/atomic-file.js';
import { matchWeights } from '../disk/checkpoint-weights.js';
import type { FileWeight } from '../disk/model-weights.js';
import { resolve } from '../disk/node.js';
import { encodeSafetensors } from '../disk/safetensors.js';
import { type Provenance, withProvenance, writeModel } from '../disk/save-model.js';
import { type FoundAverage, findAverage, type Named } from './averages.js';
import { type ModelFiles, modelOf, readModel } from './model-files.js';
import { operands, UsageError } from './operands.js';
import { NOT_AVERAGED, openSaved, type Saved } from './saved.js';
import { jsonOf, textOf } from './table.js';

/** Lines for the list of commands. */
export const EXTRACT_SUMMARY =
  'extract FILE WHICH --out DIR [--model DIR] [--json]   a plain tfjs model of one average, such as 0.999 or best, from the folder of a run, or from a checkpoint with the folder of a model of its architecture; to --out NAME.safetensors its weights alone';

/** A model of the averages' architecture, and what its weights are called in the checkpoint. */
interface Target {
  readonly artifacts: ModelFiles['artifacts'];
  readonly weights: readonly (FileWeight & { readonly savedAs: string })[];
}

const SAFETENSORS = '.safetensors';

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
  await checkOut(out, model === undefined ? [path] : [path, model]);
  const saved = await openSaved(path);
  const target = await targetOf(saved, model, out.endsWith(SAFETENSORS));
  const found = findAverage(saved, which, saved.run && target && valuesOf(target));
  await write(out, target, { found, provenance: provenanceOf(saved, which, found) });
  const { label, record, pending } = found;
  if (pending > 0)
    process.stderr.write(
      `tfjs-ema extract: ${pending} steps since the last update are not in it: a checkpoint has not the weights that they led to, as the folder of a run has; weights that are NaN or infinite are left out; and no file has a function of your own, such as a warm-up.\n`,
    );
  const report = { out, label, best: record ?? null, steps: saved.standing.steps, pending };
  const best = record === undefined ? [] : [`best ${record.metric} ${record.value} of epoch ${record.epoch}`];
  process.stdout.write(
    values.json ? jsonOf(report) : textOf([{ name: '', head: [], rows: [[out, label, ...best]] }], false),
  );
  return 0;
}

/** @throws {@link EmaError} INVALID_ARGUMENT — what is read, or another checkpoint, would be overwritten, links followed. */
async function checkOut(out: string, read: readonly string[]): Promise<void> {
  const real = (path: string) => realpath(path).catch(() => resolve(path));
  const reads = await Promise.all(read.map(real));
  const isCheckpoint = out.endsWith(SAFETENSORS) && (await openSaved(out).then(Boolean, () => false));
  if (isCheckpoint || reads.includes(await real(out)))
    throw new EmaError('INVALID_ARGUMENT', `--out: expected another place than ${out}, which would be overwritten.`);
}

/** The run's own model, or that of a folder; weights alone do without one. */
async function targetOf(saved: Saved, model: string | undefined, isOptional: boolean): Promise<Target | undefined> {
  const { run, path } = saved;
  if (run === undefined) {
    if (model !== undefined) return matched(saved, model, await readModel(model));
    if (isOptional) return undefined;
    throw new EmaError(
      'INVALID_ARGUMENT',
      `--model: expected the folder of a model of this architecture, as ${path} holds averages alone. Any model.save('file://folder') of it will do.`,
    );
  }
  if (model !== undefined)
    throw new EmaError('INVALID_ARGUMENT', `--model: expected none, as ${path} is a run, which has its own model.`);
  const { stored, facts } = run;
  const { artifacts, weights } = await modelOf(path, stored.topology, async () => stored.weights);
  return {
    artifacts,
    weights: weights.map((weight, index) => ({ ...weight, savedAs: facts.names[index] ?? weight.name })),
  };
}

/** @throws {@link EmaError} CHECKPOINT — it has other weights than those that were averaged. */
function matched({ path, weights: saved }: Saved, folder: string, { artifacts, weights }: ModelFiles): Target {
  const own = Object.fromEntries(
    weights.map(({ name, value: { shape } }) => [
      name,
      `[${shape.join(', ')}]${Object.hasOwn(saved, name) && saved[name]?.endsWith(NOT_AVERAGED) ? NOT_AVERAGED : ''}`,
    ]),
  );
  const { savedAs, differences } = matchWeights(saved, own);
  if (differences.length === 0 && Object.keys(own).length === weights.length)
    return { artifacts, weights: weights.map((weight) => ({ ...weight, savedAs: savedAs(weight.name) })) };
  const said = differences.length === 0 ? 'two weights have one name' : differences.slice(0, 10).join('; ');
  throw new EmaError('CHECKPOINT', `${folder}: expected a model with the weights of ${path}; here ${said}.`);
}

/** The model's own weights, as they are called in the checkpoint. */
function valuesOf({ weights }: Target): Named {
  return new Map(weights.map(({ savedAs, value }) => [savedAs, value]));
}

function provenanceOf(
  { settings, standing: { steps, updates }, begun }: Saved,
  which: string,
  { index, label, record }: FoundAverage,
): Provenance {
  const best = record === undefined ? {} : { best: record };
  const own = begun.get(index);
  return {
    ...{ version: VERSION, which, index, label, steps, updates },
    ...(own === undefined ? {} : { begun: own }),
    ...{ settings, ...best },
  };
}

async function write(
  out: string,
  target: Target | undefined,
  { found: { values }, provenance }: { readonly found: FoundAverage; readonly provenance: Provenance },
): Promise<void> {
  const { artifacts, weights } = target ?? { artifacts: {}, weights: [] };
  const misfit = weights.find(
    ({ savedAs, value }) => (values.get(savedAs) ?? value).data.byteLength !== value.data.byteLength,
  );
  if (misfit !== undefined)
    throw new EmaError(
      'CHECKPOINT',
      `weight ${quote(misfit.savedAs)}: expected a value of its size, received another.`,
    );
  if (out.endsWith(SAFETENSORS)) {
    const tensors: Named = new Map([...(target === undefined ? [] : valuesOf(target)), ...values]);
    const metadata = new Map([['tfjsEma', JSON.stringify(provenance)]]);
    return writeAtomically(out, encodeSafetensors({ tensors, metadata }));
  }
  const weightSpecs = weights.map(({ name, dtype, value: { shape } }) => ({ name, shape: [...shape], dtype }));
  const weightData = weights.map(({ savedAs, value }) => Uint8Array.from(bytesOf(values.get(savedAs) ?? value)).buffer);
  return writeModel(out, withProvenance({ ...artifacts, weightSpecs, weightData }, provenance));
}

function bytesOf({ data: { buffer, byteOffset, byteLength } }: FileWeight['value']): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
