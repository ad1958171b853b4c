// Averages on disk: models that any tfjs loads, and checkpoints to go on from.
// Knows no file format.

import type { io } from '@tensorflow/tfjs';
import { readWhole, writeAtomically } from './atomic-file.js';
import { checkPath, decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';
import { EmaAverages } from './ema-averages.js';
import type { Which } from './which.js';

/** Where {@link WeightEma.saveModel} writes: a URL such as `file://folder`, or a handler of tfjs. */
export type SaveTarget = io.IOHandler | string;

/** A `WeightEma`'s ways to disk and back. */
export abstract class EmaFiles extends EmaAverages {
  /**
   * Saves the model with an average in place of its weights: a plain tfjs model, loadable without this package.
   * @param which the average.
   * @param target a URL such as `file://folder`, or a handler of tfjs.
   * @param config options of `model.save`.
   * @throws {@link EmaError} as {@link WeightEma.use}
   */
  async saveModel(which: Which, target: SaveTarget, config?: io.SaveConfig): Promise<io.SaveResult> {
    return this.use(which, (model) => model.save(target, config));
  }

  /**
   * Saves all averages and where averaging stands, steps between updates included, as a safetensors file: the new file replaces
   * the old one at once and whole. The weights of the model and the optimizer's state are not in it: save them beside it.
   * @param path the file; its folder must exist.
   * @throws {@link EmaError} CHECKPOINT — it cannot be written; an older file of this name is as before.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED
   */
  async saveCheckpoint(path: string): Promise<void> {
    const run = this.attached('saveCheckpoint');
    const { steps, pending, updates, intervals } = run;
    const standing = { steps, pending, updates, intervals, best: this.chosen };
    await writeAtomically(checkPath(path), encodeCheckpoint(run.shadow, this.options, standing));
  }

  /**
   * Goes on from a checkpoint: averaging then gives, to the bit, what it would have given without the interruption, once
   * the model has its weights of that moment again. All or nothing: every byte is checked before an average changes.
   * @param path a file of `saveCheckpoint`.
   * @throws {@link EmaError} CHECKPOINT — it cannot be read, is damaged, or is of another version, model or schedule; the
   *   message lists the differences, and nothing was changed.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED
   */
  async loadCheckpoint(path: string): Promise<void> {
    this.attached('loadCheckpoint');
    const bytes = await readWhole(checkPath(path));
    // Asked again: reading took a while.
    const run = this.attached('loadCheckpoint');
    const { standing, averages } = decodeCheckpoint(bytes, run.shadow, this.options);
    run.restore(standing, () => {
      for (const { average, part, values } of averages) run.shadow.overwrite(average, part, values);
    });
    this.chosen = standing.best;
  }
}
