// The process of one model of `npm run bench -- --teacher`: takes the task from its parent's message, sends the report back, ends.
// Measures nothing itself.

import type { TeacherTask } from './trials.js';

process.once('message', async (task: TeacherTask) => {
  // Only now: TensorFlow reads its number of threads when it is loaded.
  const { measureTeacher } = await import('./cell.js');
  process.send?.(await measureTeacher(task), () => process.exit(0));
});
