// What a run keeps of itself beside its tensors, in the metadata of its averages; read back and checked.
// Knows no model.

import { fieldOf, isCount, show } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import { metadataOf } from '../disk/checkpoint.js';
import type { ModelDigests } from '../disk/run-folder.js';
import type { StoredContent } from '../disk/safetensors.js';
import type { OptimizerFacts } from '../tfjs/optimizer.js';

/** What of a run is in the metadata of its averages. */
export interface RunFacts {
  readonly epochs: number;
  readonly digests: ModelDigests;
  /** Names of the model's weights, each once, in the order of their file. */
  readonly names: readonly string[];
  readonly optimizer: OptimizerFacts | undefined;
  /** Names of the weights that it trains, in its order: flags of models in a model are in no config of tfjs. */
  readonly trained: readonly string[];
}

/** Their name there. */
export const RUN_FACTS = 'run';

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText);
}

function isRecordOf<T>(value: unknown, is: (one: unknown) => one is T): value is Readonly<Record<string, T>> {
  return typeof value === 'object' && value !== null && Object.values(value).every(is);
}

function isFigure(value: unknown): value is number | boolean {
  return typeof value === 'number' || typeof value === 'boolean';
}

/**
 * The facts of a run. They passed their digest, so only a file made on purpose, or a checkpoint of averages alone, is wrong here.
 * @throws {@link EmaError} CHECKPOINT
 */
export function factsOf(content: StoredContent): RunFacts {
  if (!content.metadata.has(RUN_FACTS)) throw noRun('averages alone');
  const saved = metadataOf(content, RUN_FACTS);
  const { epochs, names, trained, optimizer, digests } = saved;
  const [topology, weights] = [fieldOf(digests, 'topology'), fieldOf(digests, 'weights')];
  if (!isCount(epochs)) throw noRun(`${show(epochs)} epochs`);
  if (!isTexts(names) || !isTexts(trained) || !isText(topology) || !isText(weights)) throw noRun('others');
  return { epochs, names, trained, digests: { topology, weights }, optimizer: optimizerFactsOf(optimizer) };
}

function optimizerFactsOf(saved: unknown): OptimizerFacts | undefined {
  if (saved === undefined) return undefined;
  const fields = ['className', 'figures', 'scalars', 'slots'];
  const [className, figures, scalars, slots] = fields.map((one) => fieldOf(saved, one));
  if (isText(className) && isRecordOf(figures, isFigure) && isTexts(scalars) && isRecordOf(slots, isTexts))
    return { className, figures, scalars, slots };
  throw noRun('another optimizer');
}

function noRun(received: string): EmaError {
  const message = `checkpoint: expected the facts of a run, received ${received}. Use a folder of saveRun() as it was saved.`;
  return new EmaError('CHECKPOINT', message);
}
