// The process of one model of `npx tsx bench/fit.ts`: takes the task from its parent's message, sends the report back, ends.
// Measures nothing itself.

import type { ProgressMessage } from '../shared/run-in-process.js';
import type { FitTask } from './trials.js';

process.once('message', async (task: FitTask) => {
  // Only now: TensorFlow reads its settings when it is loaded.
  const { measureFit } = await import('./cell.js');
  const report = await measureFit(task, (progress) => process.send?.({ progress } satisfies ProgressMessage));
  process.send?.(report, () => process.exit(0));
});
