// Averages of an attached model on disk: a plain model of one of them, and a checkpoint of all.
// Opens no files itself, and resolves no name.

import type { io, LayersModel, NamedTensorMap } from '@tensorflow/tfjs';
import { VERSION } from '../base/version.js';
import { decodeCheckpoint, encodeCheckpoint, tensorsOf } from '../disk/checkpoint.js';
import type { StoredContent } from '../disk/safetensors.js';
import { artifactsOf, withProvenance } from '../disk/save-model.js';
import { isNamedWeights } from '../model/values.js';
import { settingsOf } from '../options/fingerprint.js';
import type { Which } from '../schedule/which.js';
import type { Tfjs } from '../tfjs/backend.js';
import type { BestAverages } from '../validation/bests.js';
import type { Attached } from './attached.js';
import type { Selected } from './selected.js';

/** A model to be saved with an average in the place of its weights. */
export interface ModelToSave {
  readonly attached: Attached;
  readonly model: LayersModel;
  readonly which: Which | NamedTensorMap;
  readonly selected: Selected;
  readonly config: io.SaveConfig | undefined;
}

/** Hands the model's artifacts, with their provenance, to `save`. */
export async function saveSelected(
  tf: Tfjs,
  { attached, model, which, selected, config }: ModelToSave,
  save: (artifacts: io.ModelArtifacts) => Promise<io.SaveResult>,
): Promise<io.SaveResult> {
  const { artifacts, result } = await artifactsOf(tf, (handler) =>
    attached.using(selected, () => {
      attached.warnOfConstraints();
      return model.save(handler, config);
    }),
  );
  if (artifacts === undefined) return result;
  const { index, label, record } = selected;
  const { steps, updates } = attached.progress;
  const provenance = {
    version: VERSION,
    which: isNamedWeights(which) ? label : which,
    ...(index === undefined ? {} : { index }),
    ...{ label, steps, updates },
    settings: settingsOf(attached.options),
    ...(record === undefined ? {} : { best: record }),
  };
  return save(withProvenance(artifacts, provenance));
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
  const kept = progress.kept.size > 0 ? [...progress.kept.values()] : undefined;
  const held = bests.held.map(({ record, tensors }) => ({ record, tensors: withWeights ? tensors : undefined }));
  return encodeCheckpoint({
    shadow,
    options,
    standing: { steps, pending, updates, intervals, kept, current, monitor: bests.monitor },
    bests: held,
    beside,
  });
}

/**
 * Goes on from a checkpoint, all or nothing.
 * @returns what `'current'` stands for there.
 * @throws {@link EmaError} CHECKPOINT — it is of another model or other options.
 */
export function resume(
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
