// A failure at every call into tfjs and TensorFlow that a method makes: what was there before is there afterwards, and nothing else.
// Failures of the disk are in atomic-file and save-model.

import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { opened } from '../../src/ema/weight-ema.js';
import { EmaError } from '../../src/index.js';
import { tf } from '../support/models.js';
import { Injected, withFailure } from './failures/injection.js';
import { note } from './failures/inside.js';
import { OPTIONS, removeFiles, SCENES, type Scene, saveLonger } from './failures/scenes.js';
import {
  averagesOf,
  clear,
  makeStage,
  type Stage,
  type StageOptions,
  standingOf,
  weightsOf,
} from './failures/stage.js';

// What notes what is made and asked, and changes nothing else.
vi.mock(import('../../src/ema/attached.js'), async (original) => {
  const module = await original();
  return {
    ...module,
    Attached: class extends module.Attached {
      constructor(...args: ConstructorParameters<typeof module.Attached>) {
        super(...args);
        note.attached(this);
      }
    },
  };
});
vi.mock(import('../../src/ema/selected.js'), async (original) => {
  const module = await original();
  return {
    ...module,
    select: (...args: Parameters<typeof module.select>) => {
      note.current(args[2].current);
      return module.select(...args);
    },
  };
});
vi.mock(import('../../src/validation/bests.js'), async (original) => {
  const { BestAverages } = await original();
  return {
    BestAverages: class extends BestAverages {
      constructor(...args: ConstructorParameters<typeof BestAverages>) {
        super(...args);
        note.bests(this);
      }
    },
  };
});

const isLong = process.env['EMA_LONG'] === '1';
/** For the longest scene on a busy machine. */
const TIMEOUT_MS = isLong ? 3_600_000 : 600_000;

afterAll(removeFiles);
afterEach(() => tf.disposeVariables());

/** What a failure must leave. */
interface Look {
  readonly weights: string;
  readonly averages: string;
}

const look = (stage: Stage): Look => ({ weights: weightsOf(stage), averages: averagesOf(stage) });
const isSame = (a: Look, b: Look): boolean => a.weights === b.weights && a.averages === b.averages;

/** A stage that is ready for a scene, and what there was then. */
interface Ready {
  readonly stage: Stage;
  readonly before: Look;
  readonly tensors: number;
  readonly standing: unknown;
}

async function ready({ steps = 2, prepare }: Scene, options: StageOptions): Promise<Ready> {
  const stage = makeStage(options, steps);
  await prepare?.(stage);
  return { stage, before: look(stage), tensors: tf.memory().numTensors, standing: standingOf(stage) };
}

/** How a scene goes undisturbed. */
interface Rehearsal {
  readonly calls: readonly string[];
  readonly done: Look;
}

async function rehearse(scene: Scene, options: StageOptions): Promise<Rehearsal> {
  const { stage } = await ready(scene, options);
  const { calls, error } = await withFailure(-1, () => scene.run(stage));
  if (error !== undefined) throw error;
  const done = look(stage);
  clear(stage);
  return { calls, done };
}

/** What is not as it must be after a failure, and whether all is as before it. */
function inspect({ stage, before, tensors, standing }: Ready, { done }: Rehearsal, error: unknown) {
  const wrong: string[] = [];
  const expectThat = (isSo: boolean, what: string): void => {
    if (!isSo) wrong.push(what);
  };
  expectThat(error instanceof EmaError || error instanceof Injected, `threw ${error}`);
  expectThat(tf.memory().numTensors === tensors, `${tf.memory().numTensors - tensors} more tensors`);
  expectThat(JSON.stringify(standingOf(stage)) === JSON.stringify(standing), JSON.stringify(standingOf(stage)));
  const now = look(stage);
  expectThat(now.weights === before.weights || now.weights === done.weights, 'other weights');
  const isPoisoned = stage.ema.engine !== undefined && codeOf(() => opened(stage.ema, 'test')) === 'POISONED';
  if (isPoisoned) expectThat(refusesAll(stage), 'poisoned, but usable');
  else
    expectThat(
      [before, done].some(({ averages }) => averages === now.averages),
      'other averages',
    );
  return { wrong, isPoisoned, isDone: isSame(now, done), isAsBefore: !isPoisoned && isSame(now, before) };
}

function refusesAll({ ema }: Stage): boolean {
  const read = (): void => tf.dispose(ema.read({ index: 0 }));
  const uses = [read, () => ema.update(), () => ema.use({ index: 1 }, () => 0), () => ema.diagnose()];
  return uses.every((use) => codeOf(use) === 'POISONED');
}

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'none';
  } catch (error) {
    return error instanceof EmaError ? error.code : `${error}`;
  }
}

/** What is wrong after a second try, which nothing disturbs, and after the end. */
async function tryAgain(scene: Scene, { stage }: Ready, { done }: Rehearsal): Promise<string[]> {
  await (scene.again ?? scene.run)(stage);
  return isSame(look(stage), done) ? [] : ['a second try ends otherwise'];
}

function leftAfterDispose({ stage }: Ready): string[] {
  stage.ema.dispose();
  const left = tf.memory().numTensors - stage.tensorsBefore;
  clear(stage);
  return left === 0 ? [] : [`${left} tensors left after dispose`];
}

/** Lets one call after the other fail, and tells where that ended badly. */
async function failEverywhere(
  scene: Scene,
  options: StageOptions,
  forEver: boolean,
): Promise<Record<string, string[]>> {
  const rehearsal = await rehearse(scene, options);
  const found: Record<string, string[]> = {};
  // A second try and its stage cost as much as ten failures.
  const stride = isLong ? 1 : Math.ceil(rehearsal.calls.length / 10);
  let place: Ready | undefined;
  for (const [call, name] of rehearsal.calls.entries()) {
    if (forEver && call % stride !== 0) continue;
    const here = place ?? (await ready(scene, options));
    place = here;
    const { calls, error } = await withFailure(call, () => scene.run(here.stage), forEver);
    if (calls.length <= call) expect.fail(`call ${call} does not come`);
    const { wrong, isPoisoned, isDone, isAsBefore } = inspect(here, rehearsal, error);
    const isTried = call % stride === 0 && !isPoisoned;
    if (isTried && !isDone) wrong.push(...(await tryAgain(scene, here, rehearsal)));
    if (isTried || !isAsBefore || wrong.length > 0 || scene.again !== undefined) {
      wrong.push(...leftAfterDispose(here));
      place = undefined;
    }
    if (wrong.length > 0) found[`${forEver ? 'from' : 'at'} call ${call}, ${name}`] = wrong;
  }
  const wrong = place === undefined ? [] : leftAfterDispose(place);
  return wrong.length === 0 ? found : { ...found, 'in the end': wrong };
}

const ENGINES = ['native', 'js'] as const;
const CASES = ENGINES.flatMap((engine) =>
  Object.entries(OPTIONS).map(([name, options]) => [engine, name, { ...options, engine }] as const),
);

describe.each(CASES)('engine %s, options: %s', (_, name, options) => {
  // What such options change is in moving, reading and writing averages; the rest is that of the plain ones, and takes longest.
  const isShort = (scene: string): boolean => /^(attach|update|use|read|loadCheckpoint|diagnose)/.test(scene);
  const scenes = Object.entries(SCENES).filter(([scene]) => isLong || name === 'plain' || isShort(scene));

  it.each(scenes)(
    '%s: at whatever call it fails',
    async (_scene, scene) => {
      await saveLonger(options);
      expect(await failEverywhere(scene, options, false)).toEqual({});
      // The disk may be full, or the device gone: nothing works any more, and what needs nobody still has to.
      expect(await failEverywhere(scene, options, true)).toEqual({});
    },
    TIMEOUT_MS,
  );
});
