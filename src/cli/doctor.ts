// The command `tfjs-ema doctor`: gathers, judges, prints.
// Finds out and decides nothing itself.

import { parseArgs } from 'node:util';
import { judge, verdict } from './checks.js';
import { provenDevice } from './device.js';
import type { Check, Facts } from './facts.js';
import { gather, ownVersion } from './gather.js';
import { gpuChecks } from './gpu.js';

/** One line for the list of commands. */
export const DOCTOR_SUMMARY =
  'doctor [--gpu] [--json]   what runs here, and why: Node, addon, tfjs, TensorFlow, GPU; exit code 1 when something is broken; --gpu tries the card, half a minute';

/**
 * Runs the command in the current folder.
 * @param args what follows `doctor` on the command line.
 * @returns the exit code: 0, or 1 when a check failed.
 */
export async function doctor(args: readonly string[]): Promise<number> {
  const boolean = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({ args: [...args], options: { json: boolean, gpu: boolean } });
  const facts = await gather(process.cwd(), values);
  const checks = [...judge(facts), ...(values.gpu ? gpuChecks(facts) : [])];
  process.stdout.write(values.json ? asJson(facts, checks) : asText(facts, checks));
  return checks.some(({ status }) => status === 'fail') ? 1 : 0;
}

function asJson(facts: Facts, checks: readonly Check[]): string {
  const engine = facts.probe?.engines?.engine ?? null;
  const device = provenDevice(facts.probe) ?? null;
  const { directory, gpu } = facts;
  const report = {
    version: ownVersion(),
    directory,
    engine,
    device,
    verdict: verdict(facts),
    checks,
    gpu: gpu ?? null,
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

function asText(facts: Facts, checks: readonly Check[]): string {
  const lines = checks.flatMap(({ id, status, message, cure }) => [
    `${status.padEnd(5)} ${id.padEnd(10)} ${message}`,
    ...(cure === '' ? [] : [`${' '.repeat(13)} -> ${cure}`]),
  ]);
  return [`tfjs-ema ${ownVersion()} in ${facts.directory}`, '', ...lines, '', verdict(facts), ''].join('\n');
}
