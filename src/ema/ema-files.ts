// Averages on disk: models that any tfjs loads, and checkpoints to go on from.
// Knows no file format.

import type { io, NamedTensorMap } from '@tensorflow/tfjs';
import type { Progress } from '../averages/progress.js';
import { boolean } from '../base/argument.js';
import { readWhole, writeAtomically } from '../disk/atomic-file.js';
import { checkPath, decodeCheckpoint, encodeCheckpoint, openCheckpoint } from '../disk/checkpoint.js';
import type { StoredContent, StoredTensor } from '../disk/safetensors.js';
import { type Provenance, packageVersion, type SaveTarget, saverOf, withProvenance } from '../disk/save-model.js';
import { layersModelOf, type ModelSource } from '../model/variables.js';
import { settingsOf } from '../options/fingerprint.js';
import type { RunLength } from '../schedule/decay.js';
import { isSynthesized, type Which } from '../schedule/which.js';
import type { Tfjs } from '../tfjs/backend.js';
import { EmaDiagnosis } from './ema-diagnosis.js';

/** What a checkpoint holds beyond the averages. */
export interface CheckpointOptions {
  /** Whether the weights of the best averages of all epochs are saved, so that `restoreBest` and `use('best-loss', ...)` work in the resumed run. @defaultValue true */
  readonly keepBest?: boolean;
}

/** A `WeightEma`'s ways to disk and back. */
export abstract class EmaFiles extends EmaDiagnosis {
  // A checkpoint that was loaded before there was a model to check it against.
  #waiting: StoredContent | undefined;

  /**
   * Saves the model with an average in place of its weights: a plain tfjs model, loadable without this package. How it was made is in
   * `tfjsEma` of its `userDefinedMetadata`, beside the model's own: {@link Provenance}.
   *
   * A folder is written so that after any crash it holds the old model or the new one, whole; other files in it stay. Equal averages give
   * equal files: no date is in them.
   * @param which the average.
   * @param target a URL such as `file://folder`, or a handler of tfjs.
   * @param config options of `model.save`.
   * @throws {@link EmaError} INVALID_ARGUMENT — tfjs knows no way to write there.
   * @throws {@link EmaError} CHECKPOINT — the folder cannot be written; an older model in it is as before.
   * @throws {@link EmaError} NO_LAYERS_MODEL — variables are attached: `read()` the tensors, or `saveCheckpoint`.
   * @throws {@link EmaError} as {@link WeightEma.use}
   */
  async saveModel(which: Which, target: SaveTarget, config?: io.SaveConfig): Promise<io.SaveResult> {
    const { shadow } = this.attached('saveModel');
    const wayOut = 'read() gives the tensors by name; saveCheckpoint() saves averages to go on from.';
    layersModelOf(this.tf, shadow.model, { method: 'saveModel', wayOut });
    const save = saverOf(this.tf, target);
    const index = isSynthesized(which) ? undefined : this.indexOf(which);
    const taken: io.ModelArtifacts[] = [];
    const capture = {
      save: async (artifacts: io.ModelArtifacts): Promise<io.SaveResult> => {
        taken.push(artifacts);
        return { modelArtifactsInfo: this.tf.io.getModelArtifactsInfoForJSON(artifacts) };
      },
    };
    const captured = await this.use(which, (model) => model.save(capture, config));
    const { steps, updates } = this;
    const best = this.kept.find(which)?.record;
    const provenance: Provenance = {
      version: packageVersion(),
      which,
      ...(index === undefined ? {} : { index }),
      label: index === undefined ? 'synthesized' : (this.labels[index] ?? ''),
      steps,
      updates,
      settings: settingsOf(this.options),
      ...(best === undefined ? {} : { best }),
    };
    const [artifacts] = taken;
    return artifacts === undefined ? captured : save(withProvenance(artifacts, provenance));
  }

  /**
   * Saves all averages and where averaging stands, steps between updates included, as a safetensors file: the new file replaces
   * the old one at once and whole. The weights of the model and the optimizer's state are not in it: save them beside it.
   * @param path the file; its folder must exist.
   * @param options whether the weights of the best averages are saved too.
   * @throws {@link EmaError} CHECKPOINT — it cannot be written; an older file of this name is as before.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED
   */
  async saveCheckpoint(path: string, { keepBest = true }: CheckpointOptions = {}): Promise<void> {
    const run = this.attached('saveCheckpoint');
    const { steps, pending, updates, intervals } = run;
    const withWeights = boolean('keepBest', keepBest);
    const pieces = encodeCheckpoint({
      shadow: run.shadow,
      options: this.options,
      standing: { steps, pending, updates, intervals, best: this.chosen },
      bests: this.kept.held.map(({ record, tensors }) => ({ record, tensors: withWeights ? tensors : undefined })),
    });
    await writeAtomically(checkPath(path), pieces);
  }

  /**
   * Goes on from a checkpoint: averaging then gives, to the bit, what it would have given without the interruption, once
   * the model has its weights of that moment again. All or nothing: every byte is checked before an average changes.
   *
   * Before `attach` (a callback is attached by `fit`) the checkpoint waits: `attach` takes it over, or throws what would be thrown here, so
   * that `fit` fails before it trains.
   * @param path a file of `saveCheckpoint`.
   * @throws {@link EmaError} CHECKPOINT — it cannot be read, is damaged, or is of another version, model or schedule; the
   *   message lists the differences, and nothing was changed.
   * @throws {@link EmaError} DISPOSED, POISONED
   */
  async loadCheckpoint(path: string): Promise<void> {
    this.checkUsable();
    const content = openCheckpoint(await readWhole(checkPath(path)));
    // Asked again: reading took a while.
    this.checkUsable();
    if (this.run === undefined) this.#waiting = content;
    else this.#goOn(this.run, content);
  }

  override attach(model: ModelSource, run: RunLength = {}): this {
    const { options, run: before } = this;
    try {
      super.attach(model, run);
      if (this.#waiting !== undefined && this.run !== undefined) this.#goOn(this.run, this.#waiting);
    } catch (error) {
      if (this.run === before) throw error;
      // As if attach had not been called, so that it can be called again with what fits.
      this.run?.shadow.dispose();
      this.run = before;
      this.options = options;
      throw error;
    }
    this.#waiting = undefined;
    return this;
  }

  #goOn(run: Progress, content: StoredContent): void {
    const { standing, averages, bests } = decodeCheckpoint(content, run.shadow, this.options);
    // Tensors first: making them can fail, and nothing else that follows can but overwriting. What is not kept in the end goes with the scope.
    this.tf.tidy(() => {
      const held = bests.map(({ record, tensors }) => ({ record, tensors: tensors && tensorsOf(this.tf, tensors) }));
      run.restore(standing, () => {
        for (const { average, part, values } of averages) run.shadow.overwrite(average, part, values);
      });
      this.resumeLooks();
      this.chosen = standing.best;
      this.kept.restore(held);
    });
  }
}

/** Tensors of the current scope. */
function tensorsOf(tf: Tfjs, stored: ReadonlyMap<string, StoredTensor>): NamedTensorMap {
  const types = { F32: 'float32', I32: 'int32', BOOL: 'bool', U8: 'int32' } as const;
  const pairs = [...stored].map(([name, { data, shape, dtype }]) => [name, tf.tensor(data, [...shape], types[dtype])]);
  return Object.fromEntries(pairs);
}
