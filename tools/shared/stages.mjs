// Running stages: commands whose exit codes count, and runs of vitest, whose own reports are counted too.
// Knows no stage; plain Node, no packages.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../tensorflow/project.mjs';

/**
 * @typedef {{name: string, command: string[], isTests?: boolean}} Stage `isTests`: vitest, whose report is counted.
 * @typedef {{passed: number, failures: string[]}} Count
 * @typedef {{name: string, code: number, seconds: number, tests?: Count}} Result `code`: 128 and more for a signal.
 */

const running = new Set();
// Of a terminal's Ctrl-C all learn by themselves.
process.once('SIGTERM', () => {
  for (const child of running) child.kill('SIGTERM');
  process.exit(143);
});

/** How many tests of a report of vitest passed, and which failed. A file that did not load counts as one that failed. */
export function count({ numPassedTests, testResults }) {
  const failures = testResults.flatMap(({ name, status, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed');
    if (status === 'failed' && failed.length === 0) return [`${name.replace(`${PROJECT}/`, '')} did not load`];
    return failed.map(({ fullName }) => `${name.replace(`${PROJECT}/`, '')}: ${fullName}`);
  });
  return { passed: numPassedTests, failures };
}

/** What a run of vitest left: without a report no test ran. */
function countOf(report) {
  return existsSync(report) ? count(JSON.parse(readFileSync(report, 'utf8'))) : { passed: 0, failures: [] };
}

/** Runs a command in the project; its output goes to `show` as it comes. */
function execute([program, ...args], show) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: PROJECT, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', show);
    child.on('error', (error) => show(`${error.message}\n`));
    child.on('close', (code) => {
      running.delete(child);
      resolve(code ?? 128);
    });
  });
}

/**
 * Runs one stage.
 * @param {Stage} stage
 * @param {string} folder where reports of vitest are written.
 * @param {{isQuiet?: boolean}} [options] quiet: all output at the end, in one piece.
 * @returns {Promise<Result>}
 */
export async function runStage({ name, command, isTests = false }, folder, { isQuiet = false } = {}) {
  const report = join(folder, `${name}.json`);
  const options = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const kept = [];
  const show = (bytes) => (isQuiet ? kept.push(bytes) : process.stdout.write(bytes));
  const started = performance.now();
  if (isQuiet) process.stdout.write(`-- ${name} runs\n`);
  show(`== ${name}: ${command.join(' ')}\n`);
  const code = await execute(isTests ? [...command, ...options] : command, show);
  const seconds = Math.round((performance.now() - started) / 1000);
  show(`== ${name}: ${code === 0 ? 'passed' : `FAILED (exit code ${code})`} in ${seconds} s\n`);
  for (const bytes of kept) process.stdout.write(bytes);
  return { name, code, seconds, ...(isTests ? { tests: countOf(report) } : {}) };
}

/** Runs lanes of stages side by side, the stages of a lane one after the other. */
export async function runLanes(lanes, folder) {
  const isQuiet = lanes.filter((lane) => lane.length > 0).length > 1;
  const runLane = async (lane) => {
    const results = [];
    for (const stage of lane) results.push(await runStage(stage, folder, { isQuiet }));
    return results;
  };
  return (await Promise.all(lanes.map(runLane))).flat();
}

/** What is wrong with a stage; undefined when all is well. */
function faultOf({ code, tests }) {
  if (code !== 0) return `exit code ${code}`;
  if (tests === undefined) return undefined;
  if (tests.failures.length > 0) return 'tests failed';
  return tests.passed === 0 ? 'ran no test' : undefined;
}

/**
 * The end of a run: failed tests by name, the time of each stage, the sums; whether all is well.
 * @param {Result[]} results
 * @param {number} seconds of all.
 * @returns {{lines: string[], ok: boolean}}
 */
export function summary(results, seconds) {
  const counted = results.filter(({ tests }) => tests !== undefined);
  const failed = counted.flatMap(({ name, tests }) => tests.failures.map((test) => `failed test (${name}): ${test}`));
  const passed = counted.reduce((sum, { tests }) => sum + tests.passed, 0);
  const rows = results.map((result) => {
    const fault = faultOf(result);
    return `${String(result.seconds).padStart(5)} s  ${result.name}${fault === undefined ? '' : `: FAILED (${fault})`}`;
  });
  const last = [`${String(Math.round(seconds)).padStart(5)} s  in all`, `${passed} passed, ${failed.length} failed`];
  return { lines: [...failed, ...rows, ...last], ok: results.every((result) => faultOf(result) === undefined) };
}
