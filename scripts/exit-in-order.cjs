// Preloaded into test runs: a process that is asked to end runs its exit handlers, where leaks are looked for and coverage is written.
// vitest ends its workers by SIGTERM, whose default leaves them out, and by SIGKILL half a second later.
const { ChildProcess } = require('node:child_process');

// Taken now: vitest replaces it in its workers.
const exit = process.exit.bind(process);
process.on('SIGTERM', () => exit(0));

const kill = ChildProcess.prototype.kill;
ChildProcess.prototype.kill = function (signal) {
  return signal === 'SIGKILL' ? true : kill.call(this, signal);
};
