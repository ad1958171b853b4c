// Progress lines on standard error: step, what, seconds, size.
// No decisions; standard output stays free for the command that follows.

/** Prints one progress line. */
export function say(text) {
  process.stderr.write(`tfjs-ema: ${text}\n`);
}

/**
 * Announces `what`, runs `work`, and reports how long it took.
 * @param {string} what the step, such as "npm packages".
 * @param {() => Promise<{note?: string}>} work `note` is added to the closing line.
 */
export async function step(what, work) {
  const started = performance.now();
  say(`${what} ...`);
  const result = await work();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  say(`${what}: done in ${seconds} s${result?.note ? ` (${result.note})` : ''}`);
  return result;
}

/** Bytes as "853 MB". */
export function megabytes(bytes) {
  return `${Math.round(bytes / 1e6)} MB`;
}

/**
 * Returns a function to call often with the bytes that have arrived; it prints at most one line each `everyMs`.
 * @param {string} what the thing that arrives.
 */
export function downloadMeter(what, everyMs = 5000) {
  const started = performance.now();
  let printed = started;
  return (bytes) => {
    const now = performance.now();
    if (bytes === 0 || now - printed < everyMs) return;
    printed = now;
    const rate = bytes / 1e6 / ((now - started) / 1000);
    say(`  ${what}: ${megabytes(bytes)}, ${((now - started) / 1000).toFixed(0)} s, ${rate.toFixed(1)} MB/s`);
  };
}
