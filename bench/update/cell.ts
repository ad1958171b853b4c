// Measures one cell: makes the weights, prepares the contenders that fit into memory, times them in interleaved rounds, and
// holds every average against the closed form. Says nothing on the terminal.

import { freemem } from 'node:os';
import type { LayersModel } from '@tensorflow/tfjs';
import { loadAddon } from '../../src/engine/addon.js';
import { declaredWeights, variableOf } from '../../src/tfjs/backend.js';
import { tf } from '../../tools/shared/tfjs.js';
import { interleave, type Runner, runnerOf, type Samples, summarise } from '../shared/rounds.js';
import { parametersOf } from '../shared/shapes.js';
import { CONTENDERS, type Prepared, type Setting } from './contenders.js';
import { loadFloor } from './floor.js';
import { modelWithWeights, setWeights } from './model.js';
import { PythonSide } from './python.js';
import {
  type Cell,
  type CellReport,
  type ContenderName,
  decaysOf,
  leastBytes,
  NODE_CONTENDERS,
  PYTHON_CONTENDERS,
  type Result,
} from './trials.js';

/** Every weight's value while the averages start, and in every update after that. */
export const VALUES = { start: 0.5, live: 1.5 } as const;

// A sample lasts about this long: ten thousand times what reading the clock costs.
const SAMPLE_US = 1000;
// After a Python contender its helper threads spin on for a while.
const PYTHON_PAUSE_MS = 10;
// Of the memory that is free; the rest is for what contenders allocate and free in passing.
const MEMORY_SHARE = 0.7;
// Float32 noise of the worst contender, far below what one missed update would change early on.
const TOLERANCE = 1e-3;

/** A contender that takes part: how to run it, and what its average is afterwards. */
interface Entrant {
  readonly name: ContenderName;
  readonly runner: Runner;
  /** Updates so far. */
  updates(): number;
  first(): number | undefined | Promise<number>;
}

function entrantOf(name: ContenderName, prepared: Prepared): Entrant {
  let updates = 0;
  const runner = runnerOf(name, () => {
    prepared.run();
    updates += 1;
  });
  return { name, runner, updates: () => updates, first: () => prepared.first?.() };
}

/** Which contenders of this process fit into memory, in the order of the trials. */
function fitting(cell: Cell): { names: (typeof NODE_CONTENDERS)[number][]; skipped: CellReport['skipped'] } {
  const names: (typeof NODE_CONTENDERS)[number][] = [];
  const skipped: { contender: ContenderName; reason: string }[] = [];
  const copy = 4 * parametersOf(cell.shapes);
  let left = MEMORY_SHARE * freemem() - copy;
  for (const name of NODE_CONTENDERS) {
    if (!cell.contenders.includes(name) || !CONTENDERS[name].applies(cell.k)) continue;
    const bytes = copy * CONTENDERS[name].copies(cell.k);
    if (bytes <= left) {
      names.push(name);
      left -= bytes;
    } else {
      skipped.push({ contender: name, reason: `needs ${(bytes / 1e9).toFixed(1)} GB more than there is` });
    }
  }
  return { names, skipped };
}

function floorOf(floats: number): Setting['floor'] {
  let made: ReturnType<Setting['floor']> | undefined;
  return () => {
    if (made === undefined) {
      const floor = loadFloor();
      made = typeof floor === 'string' ? floor : { floor, buffers: floor.allocate(floats) };
    }
    return made;
  };
}

function prepareNode(cell: Cell, model: LayersModel): Side {
  const { names, skipped } = fitting(cell);
  const reasons = [...skipped];
  const entrants: Entrant[] = [];
  const weights = declaredWeights(model).flatMap(({ weight }) => variableOf(weight) ?? []);
  const floor = floorOf(parametersOf(cell.shapes));
  for (const name of names) {
    const prepared = CONTENDERS[name].prepare({
      tf,
      model,
      weights,
      decays: decaysOf(cell.k),
      threads: cell.threads,
      floor,
    });
    if (typeof prepared === 'string') reasons.push({ contender: name, reason: prepared });
    else entrants.push(entrantOf(name, prepared));
  }
  const addon = loadAddon();
  const versions = 'addon' in addon ? { tensorflow: addon.addon.register().tensorflow } : {};
  return { entrants, skipped: reasons, versions };
}

/** @throws Error when a contender's average is not what its number of updates makes of it. */
async function check(entrants: readonly Entrant[], k: number): Promise<void> {
  const [decay = 1] = decaysOf(k);
  for (const { name, updates, first } of entrants) {
    const value = await first();
    const expected = VALUES.live + (VALUES.start - VALUES.live) * decay ** updates();
    if (value !== undefined && !(Math.abs(value - expected) <= TOLERANCE)) {
      throw new Error(`${name}: after ${updates()} updates the average must be ${expected}, it is ${value}`);
    }
  }
}

function resultsOf(cell: Cell, samples: ReadonlyMap<string, Samples>): Result[] {
  const native = samples.get('native');
  if (native === undefined) throw new Error("the contender 'native' must take part: every ratio is against it");
  const parameters = parametersOf(cell.shapes);
  const { shape, k, threads } = cell;
  return cell.contenders.flatMap((contender) => {
    const own = samples.get(contender);
    if (own === undefined) return [];
    const summary = summarise(own, native);
    return [
      {
        shape,
        k,
        contender,
        ...summary,
        gbPerS: (parameters * leastBytes(contender, k)) / summary.medianUs / 1e3,
        threads,
      },
    ];
  });
}

/** Everybody of one side: who takes part, who cannot, and the frameworks' versions. */
interface Side extends Omit<CellReport, 'results'> {
  readonly entrants: readonly Entrant[];
}

/** @param processes receives every process that was started, also when one of them fails. */
async function preparePython(cell: Cell, processes: PythonSide[]): Promise<Side> {
  const wanted = PYTHON_CONTENDERS.filter((name) => cell.contenders.includes(name));
  const entrants: Entrant[] = [];
  const skipped: { contender: ContenderName; reason: string }[] = [];
  const versions: Record<string, string> = {};
  const started = PythonSide.startAll(wanted, { cell, decays: decaysOf(cell.k), values: VALUES });
  processes.push(...started.map(({ side }) => side));
  for (const { side, names } of started) {
    Object.assign(versions, await side.ready());
    for (const name of names) {
      const prepared = await side.prepare(name);
      if (typeof prepared === 'string') skipped.push({ contender: name, reason: prepared });
      else entrants.push({ name, ...prepared });
    }
  }
  return { entrants, skipped, versions };
}

/**
 * Measures a cell in this process.
 * @param onProgress receives how far it is.
 * @throws Error when a contender computes something else than the average.
 */
export async function measureCell(cell: Cell, onProgress?: (text: string) => void): Promise<CellReport> {
  const addon = loadAddon();
  if ('addon' in addon) addon.addon.setThreads(cell.threads);
  const model = modelWithWeights(cell.shapes, VALUES.start);
  const processes: PythonSide[] = [];
  try {
    onProgress?.('making the averages');
    const node = prepareNode(cell, model);
    const python = await preparePython(cell, processes);
    const entrants = [...node.entrants, ...python.entrants];
    setWeights(model, VALUES.live);
    const pauseMs = processes.length > 0 ? PYTHON_PAUSE_MS : 0;
    // Before as well: after thousands of runs any decay has brought an average to the weights.
    for (const { runner } of entrants) await runner.time(3);
    await check(entrants, cell.k);
    const samples = await interleave(
      entrants.map(({ runner }) => runner),
      {
        rounds: cell.rounds,
        sampleUs: SAMPLE_US,
        pauseMs,
        onRound: (round) => onProgress?.(`round ${round + 1} of ${cell.rounds}`),
      },
    );
    await check(entrants, cell.k);
    const skipped = [...node.skipped, ...python.skipped];
    return { results: resultsOf(cell, samples), skipped, versions: { ...node.versions, ...python.versions } };
  } finally {
    for (const side of processes) side.stop();
    model.dispose();
  }
}
