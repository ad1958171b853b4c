// Preloaded into test runs: a test's process that is asked to end runs its exit handlers, where leaks are looked for and coverage is written.
// vitest ends its workers by SIGTERM, whose default leaves them out, and by SIGKILL half a second later. Children of tests are left alone.
const { ChildProcess } = require('node:child_process');

const program = process.argv[1] ?? '';
if (/vitest\/dist\/workers/.test(program)) {
  // Taken now: vitest replaces it in its workers.
  const exit = process.exit.bind(process);
  process.on('SIGTERM', () => exit(0));
}
if (program.endsWith('vitest.mjs')) {
  const kill = ChildProcess.prototype.kill;
  ChildProcess.prototype.kill = function (signal) {
    return signal === 'SIGKILL' ? true : kill.call(this, signal);
  };
}
