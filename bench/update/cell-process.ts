// The process of one cell: takes the cell from its parent's message, sends the report back, ends.
// Measures nothing itself.

import type { ProgressMessage } from '../shared/run-in-process.js';
import type { Cell } from './trials.js';

process.once('message', async (cell: Cell) => {
  // Only now: TensorFlow reads its number of threads when it is loaded.
  const { measureCell } = await import('./cell.js');
  const report = await measureCell(cell, (progress) => process.send?.({ progress } satisfies ProgressMessage));
  process.send?.(report, () => process.exit(0));
});
