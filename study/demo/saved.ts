// Saves an average as a plain tfjs model, loads it again as any program would, and measures it.
// Uses nothing of this package on the way back.

import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Tf } from '../../tools/shared/tfjs.js';
import { compile, type DemoRun, evaluate, type Score } from './training.js';

/**
 * Saves the best average into a folder and evaluates what `tf.loadLayersModel` makes of it on the validation images.
 * @returns the loaded model's score.
 */
export async function saveAndReload(tf: Tf, run: DemoRun, folder: string): Promise<Score> {
  await mkdir(folder, { recursive: true });
  const url = fileUrl(folder);
  await run.ema.saveModel('best', url);
  const loaded = await tf.loadLayersModel(`${url}/model.json`);
  try {
    return evaluate(tf, compile(tf, loaded, run.recipe), run.validation);
  } finally {
    loaded.optimizer?.dispose();
    loaded.dispose();
  }
}

/** tfjs takes what follows `file://` as a path as it stands, without URL escapes. */
function fileUrl(path: string): string {
  return `file://${resolve(path)}`;
}
