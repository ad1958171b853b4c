// Averages of an attached model on disk: a plain model of one of them, and a checkpoint of all.
// Opens no files itself, and resolves no name.

import type { io, LayersModel, NamedTensorMap, Tensor } from '@tensorflow/tfjs';
import { fieldOf, invalid } from '../base/argument.js';
import { VERSION } from '../base/version.js';
import { decodeCheckpoint, encodeCheckpoint, plannedSteps, tensorsOf } from '../disk/checkpoint.js';
import { storedOf } from '../disk/checkpoint-bests.js';
import type { StoredContent } from '../disk/safetensors.js';
import { artifactsOf, withProvenance } from '../disk/save-model.js';
import { isNamedWeights } from '../model/values.js';
import { disposed } from '../model/weights.js';
import { settingsOf } from '../options/fingerprint.js';
import type { Which } from '../schedule/which.js';
import type { Tfjs } from '../tfjs/backend.js';
import type { BestAverages } from '../validation/bests.js';
import type { Attached } from './attached.js';
import type { StoredAverages } from './averaging.js';
import type { Selected } from './selected.js';

/** A model to be saved with an average in the place of its weights. */
export interface ModelToSave {
  readonly attached: Attached;
  readonly model: LayersModel;
  readonly which: Which | NamedTensorMap;
  readonly selected: Selected;
  readonly config: io.SaveConfig | undefined;
}

type Save = (artifacts: io.ModelArtifacts) => Promise<io.SaveResult>;

/**
 * Hands the model's artifacts, with their provenance, to `save`. All is taken in one turn, and nothing is put into the model: training, and
 * other saves, may go on while it is written. With `includeOptimizer` `model.save` takes it instead, in more than one turn.
 * @throws {@link EmaError} WEIGHT_DISPOSED, MODEL_CHANGED
 */
export async function saveSelected(tf: Tfjs, toSave: ModelToSave, save: Save): Promise<io.SaveResult> {
  const { attached, which, selected, config } = toSave;
  const { index, label, record } = selected;
  const { steps, updates, begun } = attached.progress;
  const own = index === undefined ? undefined : begun.get(index);
  const provenance = {
    version: VERSION,
    which: isNamedWeights(which) ? label : which,
    ...(index === undefined ? {} : { index }),
    ...{ label, steps, updates },
    ...(own === undefined ? {} : { begun: own }),
    settings: settingsOf(attached.options),
    ...(record === undefined ? {} : { best: record }),
  };
  if (config?.includeOptimizer !== true) return save(withProvenance(takeModel(tf, toSave), provenance));
  const { artifacts, result } = await takenBySave(tf, toSave);
  return artifacts === undefined ? result : save(withProvenance(artifacts, provenance));
}

/** What `model.save` itself writes. */
function takenBySave(tf: Tfjs, { attached, model, selected, config }: ModelToSave): ReturnType<typeof artifactsOf> {
  const { averaged } = attached.shadows.weights;
  return artifactsOf(tf, (handler) =>
    attached.using(selected, () => {
      attached.warnOfConstraints(Object.fromEntries(averaged.map(({ name, variable }) => [name, variable])));
      return model.save(handler, config);
    }),
  );
}

/** The same, to the byte, but for the optimizer: in one turn. */
function takeModel(tf: Tfjs, { attached, model, selected, config }: ModelToSave): io.ModelArtifacts {
  const { shadows } = attached;
  shadows.checkModel();
  shadows.checkAlive();
  const hasBegun = attached.hasBegun(selected, 'saveModel', "the model's own weights are saved");
  const values = hasBegun ? attached.read(selected) : shadows.own();
  try {
    attached.warnOfConstraints(values);
    const all = [...shadows.weights.averaged, ...shadows.weights.live];
    const names = new Map(all.map(({ layerVariable, name }) => [layerVariable, name]));
    const weights = config?.trainableOnly ? model.trainableWeights.filter(({ trainable }) => trainable) : model.weights;
    const stored = weights.map((weight) => {
      const name = names.get(weight) ?? weight.originalName;
      const value = values[name];
      if (value === undefined) throw disposed(name);
      return { name: weight.originalName, ...typedOf(name, value) };
    });
    const userDefinedMetadata = model.getUserDefinedMetadata();
    const modelTopology = model.toJSON(null, false);
    return {
      modelTopology,
      format: 'layers-model',
      // Its own version, as it writes it there: 'tfjs-layers 4.22.0'.
      generatedBy: `TensorFlow.js ${fieldOf(modelTopology, 'keras_version')}`.replace('layers ', 'layers v'),
      convertedBy: null,
      ...(userDefinedMetadata === undefined ? {} : { userDefinedMetadata }),
      weightData: joined(stored.map(({ data }) => data)),
      weightSpecs: stored.map(({ name, shape, dtype }) => ({ name, shape, dtype })),
    };
  } finally {
    tf.dispose(values);
  }
}

/** A weight as tfjs writes it. */
function typedOf(
  weight: string,
  value: Tensor,
): Pick<io.WeightsManifestEntry, 'shape' | 'dtype'> & { data: ArrayBufferView } {
  const { shape, dtype } = value;
  const stored = storedOf(value);
  if (stored !== undefined && (dtype === 'float32' || dtype === 'int32' || dtype === 'bool'))
    return { shape, dtype, data: stored.data };
  throw invalid(`weight '${weight}'`, 'type float32, int32 or bool, for saveModel', dtype);
}

function joined(pieces: readonly ArrayBufferView[]): ArrayBuffer {
  const bytes = new Uint8Array(pieces.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const { buffer, byteOffset, byteLength } of pieces) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return bytes.buffer;
}

/** The bytes of a checkpoint. */
export function checkpointOf(
  { shadows: shadow, progress, options }: Attached,
  {
    bests,
    current,
    withWeights,
    beside,
  }: {
    readonly bests: BestAverages;
    readonly current: number | undefined;
    readonly withWeights: boolean;
    readonly beside?: StoredContent;
  },
): readonly Uint8Array[] {
  const { steps, pending, updates, intervals } = progress;
  const begun = progress.begun.size > 0 ? [...progress.begun] : undefined;
  const kept = progress.kept.size > 0 ? [...progress.kept.values()] : undefined;
  const held = bests.held.map(({ record, tensors }) => ({ record, tensors: withWeights ? tensors : undefined }));
  return encodeCheckpoint({
    shadow,
    options,
    standing: { steps, pending, updates, intervals, kept, begun, current, monitor: bests.monitor },
    bests: held,
    beside,
  });
}

/** Averages of a checkpoint, to go on from. */
export function storedAverages(tf: Tfjs, content: StoredContent): StoredAverages {
  return { plannedSteps: plannedSteps(content), goOn: (attached, bests) => goOn(tf, { attached, bests }, content) };
}

/** See {@link StoredAverages}. */
function goOn(
  tf: Tfjs,
  { attached, bests }: { readonly attached: Attached; readonly bests: BestAverages },
  content: StoredContent,
): number | undefined {
  const { shadows, progress, looks, options } = attached;
  const { standing, averages, bests: saved } = decodeCheckpoint(content, shadows, options);
  // Tensors first: making them can fail, and nothing else that follows can but overwriting. What is not kept in the end goes with the scope.
  tf.tidy(() => {
    const held = saved.map(({ record, tensors }) => ({ record, tensors: tensors && tensorsOf(tf, tensors) }));
    progress.restore(standing, () => {
      for (const { average, part, values } of averages) shadows.overwrite(average, part, values);
    });
    looks.resume();
    bests.restore(held, standing.monitor);
  });
  return standing.current;
}
