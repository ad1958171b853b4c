#!/usr/bin/env node
// The program `tfjs-ema`: finds the command and runs it.
// Holds no command.

import { printable } from '../base/argument.js';
import { codeOf, EmaError } from '../base/errors.js';
import { VERSION } from '../base/version.js';
import { DIFF_SUMMARY, diff } from './diff.js';
import { DOCTOR_SUMMARY, doctor } from './doctor.js';
import { EXTRACT_SUMMARY, extract } from './extract.js';
import { INSPECT_SUMMARY, inspect } from './inspect.js';
import { UsageError } from './operands.js';

const COMMANDS: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  doctor,
  inspect,
  diff,
  extract,
};
const SUMMARIES = [DOCTOR_SUMMARY, INSPECT_SUMMARY, DIFF_SUMMARY, EXTRACT_SUMMARY];
const USAGE = `usage: tfjs-ema COMMAND\n\n${SUMMARIES.map((line) => `  ${line}\n`).join('')}\n  --version, --help\n`;

async function main([name = '', ...args]: readonly string[]): Promise<number> {
  const asked = Object.hasOwn(COMMANDS, name) ? (args.find(isHelp) ?? '') : name;
  if (isHelp(asked) || name === '--version') {
    process.stdout.write(isHelp(asked) ? USAGE : `${VERSION}\n`);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    process.stderr.write(`${name === '' ? '' : `tfjs-ema: no command '${printable(name)}'\n`}${USAGE}`);
    return 2;
  }
  try {
    return await command(args);
  } catch (error) {
    if (!(error instanceof EmaError || isUsageError(error))) throw error;
    process.stderr.write(`tfjs-ema ${name}: ${printable(error.message)}\n${isUsageError(error) ? USAGE : ''}`);
    return isUsageError(error) ? 2 : 1;
  }
}

function isHelp(text: string): boolean {
  return text === '--help' || text === '-h';
}

/** Also what node:util's parseArgs throws for arguments that it does not know. */
function isUsageError(error: unknown): error is Error {
  return error instanceof UsageError || (error instanceof Error && codeOf(error).startsWith('ERR_PARSE_ARGS'));
}

// Who reads the first lines only closes the pipe.
process.stdout.on('error', (error) => {
  if (codeOf(error) !== 'EPIPE') throw error;
});
process.exitCode = await main(process.argv.slice(2));
