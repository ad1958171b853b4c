// What `npm start` runs: trains a small network on images, and shows what averaging its weights gains.
// Command line and exit code only; run.ts does the work.

import { stripVTControlCharacters } from 'node:util';
import { UsageError } from '../../tools/shared/option-checks.js';
import { type DemoOptions, parseDemoOptions, USAGE } from './options.js';

/** Errors whose message says all that a user needs; others are defects and keep their stack. */
const EXPECTED_ERRORS = ['DataError', 'EmaError'];

async function main(argv: readonly string[]): Promise<number> {
  let options: DemoOptions;
  try {
    options = parseDemoOptions(argv);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    write(process.stderr, `${error.message}\n\n${USAGE}`);
    return 2;
  }
  if (options.help) {
    write(process.stdout, USAGE);
    return 0;
  }
  try {
    // Loaded only now: TensorFlow takes seconds to start, a wrong option should not.
    const { runDemo } = await import('./run.js');
    await runDemo(options);
    return 0;
  } catch (error) {
    if (!(error instanceof Error) || !EXPECTED_ERRORS.includes(error.name)) throw error;
    write(process.stderr, error.message);
    return 1;
  }
}

function write(stream: NodeJS.WriteStream, text: string): void {
  stream.write(`${stream.isTTY ? text : stripVTControlCharacters(text)}\n`);
}

process.exitCode = await main(process.argv.slice(2));
