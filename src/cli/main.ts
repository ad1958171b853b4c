#!/usr/bin/env node
// The program `tfjs-ema`: finds the command and runs it.
// Holds no command.

import { DOCTOR_SUMMARY, doctor } from './doctor.js';

const COMMANDS: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = { doctor };
const USAGE = `usage: tfjs-ema COMMAND\n\n  ${DOCTOR_SUMMARY}\n`;

async function main([name = '', ...args]: readonly string[]): Promise<number> {
  if (name === '--help' || name === '-h') {
    process.stdout.write(USAGE);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    process.stderr.write(`${name === '' ? '' : `tfjs-ema: no command '${name}'\n`}${USAGE}`);
    return 2;
  }
  try {
    return await command(args);
  } catch (error) {
    if (!isUsageError(error)) throw error;
    process.stderr.write(`tfjs-ema ${name}: ${error.message}\n${USAGE}`);
    return 2;
  }
}

/** What node:util's parseArgs throws for arguments that it does not know. */
function isUsageError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}

process.exitCode = await main(process.argv.slice(2));
