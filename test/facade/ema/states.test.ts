// Every method and getter in every state: what it does stands in the tables, and beyond that it does no harm.
// How a state is reached, and the calls, are in support/states.ts.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { opened } from '../../../src/ema/weight-ema.js';
import { EmaError, type EmaErrorCode, type WeightEma } from '../../../src/index.js';
import { isAlive } from '../../../src/tfjs/backend.js';
import { tf } from '../../support/models.js';
import { at, bits } from '../../support/oracle.js';
import {
  type EngineName,
  HOOKS,
  METHODS,
  makeFolder,
  makeSubject,
  STATES,
  type StateName,
  type Subject,
} from '../../support/states.js';

/** `ok`: it did what it is for. `no-op`: it changed nothing and gave nothing back. Else the code of its error. */
const OUTCOMES: readonly string[] = [
  'ok',
  'no-op',
  ...([
    'NOT_ATTACHED',
    'ALREADY_ATTACHED',
    'INVALID_ARGUMENT',
    'SWAPPED_IN',
    'POISONED',
    'DISPOSED',
    'WEIGHT_DISPOSED',
    'CALLBACK_MISUSE',
  ] satisfies EmaErrorCode[]),
];

// `native|js` where the engines differ; gone: by model.dispose() or by tf.disposeVariables().
const METHOD_TABLE = `
method               new           attached          pending           in fit            in use            in another's use  poisoned  disposed  gone              engine reset
asModel              NOT_ATTACHED  ok                ok                ok                ok                ok                POISONED  DISPOSED  ok                POISONED
attach               ok            ALREADY_ATTACHED  ALREADY_ATTACHED  ALREADY_ATTACHED  ALREADY_ATTACHED  ALREADY_ATTACHED  POISONED  DISPOSED  ALREADY_ATTACHED  ALREADY_ATTACHED
callback             ok            ok                ok                ok                ok                ok                POISONED  DISPOSED  ok                ok
checkpoint           NOT_ATTACHED  ok                ok                ok                ok                ok                POISONED  DISPOSED  ok                POISONED
diagnose             NOT_ATTACHED  ok                ok                ok                SWAPPED_IN        SWAPPED_IN        POISONED  DISPOSED  WEIGHT_DISPOSED   WEIGHT_DISPOSED
dispose              ok            ok                ok                ok                SWAPPED_IN        ok                ok        no-op     ok                ok
loadCheckpoint       ok            ok                ok                ok                ok                ok                POISONED  DISPOSED  ok                POISONED|ok
putBack              NOT_ATTACHED  ok                ok                ok                SWAPPED_IN        SWAPPED_IN        POISONED  DISPOSED  WEIGHT_DISPOSED   POISONED|WEIGHT_DISPOSED
putBack best         NOT_ATTACHED  INVALID_ARGUMENT  ok                ok                SWAPPED_IN        SWAPPED_IN        POISONED  DISPOSED  WEIGHT_DISPOSED   POISONED|WEIGHT_DISPOSED
putBack best-loss    NOT_ATTACHED  INVALID_ARGUMENT  ok                ok                SWAPPED_IN        SWAPPED_IN        POISONED  DISPOSED  WEIGHT_DISPOSED   POISONED|WEIGHT_DISPOSED
putBack weights      NOT_ATTACHED  ok                ok                ok                SWAPPED_IN        SWAPPED_IN        POISONED  DISPOSED  WEIGHT_DISPOSED   POISONED|WEIGHT_DISPOSED
read                 NOT_ATTACHED  ok                ok                ok                ok                ok                POISONED  DISPOSED  ok                POISONED
read best            NOT_ATTACHED  INVALID_ARGUMENT  ok                ok                ok                ok                POISONED  DISPOSED  ok                POISONED
read best-loss       NOT_ATTACHED  INVALID_ARGUMENT  ok                ok                ok                ok                POISONED  DISPOSED  ok                POISONED
read synthesized     NOT_ATTACHED  ok                ok                ok                ok                ok                POISONED  DISPOSED  ok                POISONED
recomputeBatchNorm   NOT_ATTACHED  ok                ok                ok                SWAPPED_IN        SWAPPED_IN        POISONED  DISPOSED  WEIGHT_DISPOSED   POISONED|WEIGHT_DISPOSED
record               NOT_ATTACHED  ok                ok                ok                ok                ok                POISONED  DISPOSED  WEIGHT_DISPOSED   WEIGHT_DISPOSED
report               ok            ok                ok                ok                ok                ok                ok        ok        ok                ok
reset                NOT_ATTACHED  no-op             ok                ok                SWAPPED_IN        SWAPPED_IN        POISONED  DISPOSED  WEIGHT_DISPOSED   POISONED|WEIGHT_DISPOSED
resume               ok            ok                ok                INVALID_ARGUMENT  SWAPPED_IN        SWAPPED_IN        POISONED  DISPOSED  WEIGHT_DISPOSED   WEIGHT_DISPOSED
saveCheckpoint       NOT_ATTACHED  ok                ok                ok                ok                ok                POISONED  DISPOSED  ok                POISONED
saveModel            NOT_ATTACHED  ok                ok                ok                ok                ok                POISONED  DISPOSED  WEIGHT_DISPOSED   WEIGHT_DISPOSED
saveModel best-loss  NOT_ATTACHED  INVALID_ARGUMENT  ok                ok                ok                ok                POISONED  DISPOSED  WEIGHT_DISPOSED   WEIGHT_DISPOSED
saveRun              NOT_ATTACHED  ok                ok                ok                ok                ok                POISONED  DISPOSED  WEIGHT_DISPOSED   WEIGHT_DISPOSED
searchDecay          NOT_ATTACHED  ok                ok                ok                SWAPPED_IN        SWAPPED_IN        POISONED  DISPOSED  WEIGHT_DISPOSED   WEIGHT_DISPOSED
synthesize           NOT_ATTACHED  ok                ok                ok                ok                ok                POISONED  DISPOSED  ok                POISONED
update               NOT_ATTACHED  ok                ok                ok                SWAPPED_IN        SWAPPED_IN        POISONED  DISPOSED  WEIGHT_DISPOSED   POISONED|WEIGHT_DISPOSED
use                  NOT_ATTACHED  ok                ok                ok                SWAPPED_IN        SWAPPED_IN        POISONED  DISPOSED  WEIGHT_DISPOSED   WEIGHT_DISPOSED
use best             NOT_ATTACHED  INVALID_ARGUMENT  ok                ok                SWAPPED_IN        SWAPPED_IN        POISONED  DISPOSED  WEIGHT_DISPOSED   WEIGHT_DISPOSED
use best-loss        NOT_ATTACHED  INVALID_ARGUMENT  ok                ok                SWAPPED_IN        SWAPPED_IN        POISONED  DISPOSED  WEIGHT_DISPOSED   WEIGHT_DISPOSED
use current          NOT_ATTACHED  INVALID_ARGUMENT  ok                ok                SWAPPED_IN        SWAPPED_IN        POISONED  DISPOSED  WEIGHT_DISPOSED   WEIGHT_DISPOSED
use synthesized      NOT_ATTACHED  ok                ok                ok                SWAPPED_IN        SWAPPED_IN        POISONED  DISPOSED  WEIGHT_DISPOSED   WEIGHT_DISPOSED
use weights          NOT_ATTACHED  ok                ok                ok                SWAPPED_IN        SWAPPED_IN        POISONED  DISPOSED  WEIGHT_DISPOSED   WEIGHT_DISPOSED
`;

const HOOK_TABLE = `
hook          new              attached         pending  in fit           in use      in another's use  poisoned  disposed  gone             engine reset
onBatchBegin  NOT_ATTACHED     no-op            no-op    no-op            SWAPPED_IN  SWAPPED_IN        POISONED  DISPOSED  no-op            no-op
onBatchEnd    NOT_ATTACHED     ok               ok       ok               SWAPPED_IN  SWAPPED_IN        POISONED  DISPOSED  WEIGHT_DISPOSED  POISONED|WEIGHT_DISPOSED
onEpochBegin  no-op            no-op            no-op    no-op            no-op       no-op             no-op     no-op     no-op            no-op
onEpochEnd    CALLBACK_MISUSE  CALLBACK_MISUSE  ok       ok               SWAPPED_IN  SWAPPED_IN        POISONED  DISPOSED  WEIGHT_DISPOSED  WEIGHT_DISPOSED
onTrainBegin  ok               no-op            no-op    CALLBACK_MISUSE  SWAPPED_IN  SWAPPED_IN        POISONED  DISPOSED  no-op            no-op
onTrainEnd    no-op            no-op            no-op    no-op            no-op       no-op             no-op     no-op     no-op            no-op
setModel      ok               ok               ok       CALLBACK_MISUSE  ok          ok                ok        ok        ok               ok
setParams     ok               ok               ok       ok               ok          ok                ok        ok        ok               ok
`;

/** What answers in every state. */
const GETTERS = [
  ...['bests', 'decays', 'engine', 'engineReason', 'facts', 'labels', 'overwritten', 'steps', 'updates'],
  ...['validations', 'warnings'],
] as const satisfies readonly (keyof WeightEma)[];

/** What refuses a WeightEma that stands in `callbacks` itself. */
const REFUSALS = ['onTrainBegin', 'setParams'] as const satisfies readonly (keyof WeightEma)[];
/** Calls of functions that take a WeightEma. */
const FUNCTIONS = ['searchDecay', 'synthesize'];

/** Those whose purpose is to give the model other weights. */
const CHANGES_WEIGHTS = /^(putBack|resume)/;
/** Those that make averages, keep them or let them go: `dispose` gives all of it back. */
const HOLDS_TENSORS = /^(attach|dispose|loadCheckpoint|onEpochEnd|onTrainBegin|record|resume)/;
/** Those that count a step also where its update fails, as they say. */
const COUNTS = /^(update|onBatchEnd)/;

type Row = { readonly [state in StateName]?: string };
const STATE_NAMES = Object.keys(STATES) as StateName[];
const ENGINES = ['native', 'js'] as const;

/** The rows of a table, by name, as they are for one engine. */
function rowsOf(table: string, engine: EngineName): ReadonlyMap<string, Row> {
  const [header = '', ...rows] = table.trim().split('\n');
  const [, ...columns] = header.split(/\s{2,}/);
  return new Map(
    rows.map((row) => {
      const [name = '', ...cells] = row.split(/\s{2,}/);
      expect(cells).toHaveLength(columns.length);
      const own = cells.map((cell) => cell.split('|').at(engine === 'native' ? 0 : -1));
      const found = STATE_NAMES.map((state) => {
        const column = /^(model|variables) disposed$/.test(state) ? 'gone' : state;
        return [state, own[columns.indexOf(column)]];
      });
      return [name, Object.fromEntries(found) as Row];
    }),
  );
}

const isGone = ({ variables }: Subject): boolean => !variables.every((variable) => isAlive(tf, variable));
const bitsOf = (subject: Subject): string =>
  isGone(subject) ? 'gone' : subject.variables.map((variable) => bits(variable.dataSync()).join()).join();

function answerOf(ask: () => unknown): unknown {
  try {
    return ask();
  } catch (error) {
    return `${error}`;
  }
}

/** What can be seen of averages without a look at them, which would count pending steps in. */
function factsOf({ ema }: Subject): { steps: number; rest: string; answers: string; warnings: number } {
  const { steps, updates, engine, facts, bests, overwritten, validations } = ema;
  const answers = [
    () => opened(ema, 'facts').attached.scope.isOpen,
    // Resolved, and then refused: whether there is a current one.
    () => ema.use('current', undefined as never),
  ].map(answerOf);
  const lists = [ema.report().diagnoses.length, bests, Object.keys(overwritten), validations];
  const rest = JSON.stringify([updates, facts.skipped, engine, facts.bytes, lists]);
  return { steps, rest, answers: JSON.stringify(answers), warnings: ema.warnings.length };
}

interface Cell {
  readonly name: string;
  readonly state: StateName;
  readonly subject: Subject;
}

/** The outcome of a call in a state, and after it, in brackets, each harm that it did. */
async function outcomeOf({ name, state, subject }: Cell, call: (subject: Subject) => unknown): Promise<string> {
  const [before, weights, count] = [factsOf(subject), bitsOf(subject), tf.memory().numTensors];
  const result = await Promise.resolve()
    .then(() => call(subject))
    .then(
      (value) => ({ value, outcome: 'ok' }),
      (error: unknown) => ({ value: error, outcome: error instanceof EmaError ? error.code : `${error}` }),
    );
  const [after, isMoved, left] = [factsOf(subject), bitsOf(subject) !== weights, tf.memory().numTensors - count];
  const isDone = result.outcome === 'ok';
  const harm: string[] = [];
  if (isMoved && !(isDone && CHANGES_WEIGHTS.test(name))) harm.push('other weights');
  // After a reset tfjs no longer counts the tensors from before.
  if (left !== 0 && !(isDone && HOLDS_TENSORS.test(name)) && state !== 'engine reset') harm.push(`${left} tensors`);
  // A warning may come before an error.
  const counted = COUNTS.test(name) && isGone(subject) && result.outcome !== 'DISPOSED' ? 1 : 0;
  // Where it finds that the averages are lost, they answer no more.
  const isAnswering = result.outcome === 'POISONED' || after.answers === before.answers;
  const isAsBefore = after.rest === before.rest && isAnswering && after.steps === before.steps + counted;
  if (!isDone && !isAsBefore) harm.push('other averages');
  const isSame = JSON.stringify(after) === JSON.stringify(before) && !isMoved;
  const outcome = isDone && isSame && result.value === undefined ? 'no-op' : result.outcome;
  return harm.length === 0 ? outcome : `${outcome} (${harm.join(', ')})`;
}

let cells = 0;

/** The outcomes of a call in every state. */
async function rowOf(engine: EngineName, name: string, call: (subject: Subject) => unknown): Promise<Row> {
  const row: { [state in StateName]?: string } = {};
  for (const state of STATE_NAMES) {
    const count = tf.memory().numTensors;
    const { subject, release } = makeSubject(engine, at(folders, ENGINES.indexOf(engine)));
    await STATES[state](subject, async () => {
      row[state] = await outcomeOf({ name, state, subject }, call);
      cells += 1;
    });
    release();
    const left = tf.memory().numTensors - count;
    // A fit that ends by a throw keeps logs.
    if (left !== 0 && state !== 'engine reset' && state !== 'in fit') row[state] += ` (${left} tensors stay)`;
  }
  return row;
}

/** Own names of an object and of all that it inherits from, down to the objects of the language. */
function namesOf(start: object): string[] {
  const names = new Set<string>();
  for (let one: object = start; one !== Object.prototype; one = Object.getPrototypeOf(one) as object)
    for (const name of Object.getOwnPropertyNames(one)) names.add(name);
  names.delete('constructor');
  return [...names].sort();
}

const methodOf = (name: string): string => at(name.split(' '), 0);
const namesIn = (calls: object) => [...new Set(Object.keys(calls).map(methodOf))];
const folders: Awaited<ReturnType<typeof makeFolder>>[] = [];

beforeAll(async () => {
  for (const engine of ENGINES) folders.push(await makeFolder(engine));
});

afterAll(() => {
  for (const { remove } of folders) remove();
  // In 11 states, with both engines: 33 calls of methods, 8 of hooks and 11 getters.
  expect(cells).toBe(11 * 2 * (33 + 8 + 11));
});

describe('the tables', () => {
  it('have a row for every method of a WeightEma, and a name for every getter', () => {
    const { subject, release } = makeSubject('js', at(folders, 1));
    const names = namesOf(Object.getPrototypeOf(subject.ema) as object);
    const methods = namesIn(METHODS).filter((name) => !FUNCTIONS.includes(name));
    expect([...methods, ...GETTERS, ...REFUSALS].sort()).toEqual(names);
    release();
  });

  it('have a row for every method of a callback, its own and those of tfjs', () => {
    const { subject, release } = makeSubject('js', at(folders, 1));
    const fields = ['model', 'validationData'];
    subject.callback.setParams({});
    expect([...namesIn(HOOKS), ...fields, 'params'].sort()).toEqual(namesOf(subject.callback));
    release();
  });

  it('hold ok, no-op and codes of errors only, for as many calls as there are', () => {
    for (const [table, calls] of [
      [METHOD_TABLE, METHODS],
      [HOOK_TABLE, HOOKS],
    ] as const) {
      for (const engine of ENGINES) {
        const rows = rowsOf(table, engine);
        expect([...rows.keys()]).toEqual(Object.keys(calls));
        for (const row of rows.values()) for (const cell of Object.values(row)) expect(OUTCOMES).toContain(cell);
      }
    }
  });
});

describe.each(ENGINES)('with engine %s', (engine) => {
  it.each(Object.entries(METHODS))('%s', async (name, call) => {
    expect(await rowOf(engine, name, (subject) => call(subject.ema, subject))).toEqual(
      rowsOf(METHOD_TABLE, engine).get(name),
    );
  });

  it.each(Object.entries(HOOKS))('%s of a callback', async (name, call) => {
    expect(await rowOf(engine, name, (subject) => call(subject.callback, subject))).toEqual(
      rowsOf(HOOK_TABLE, engine).get(name),
    );
  });

  it('every getter answers in every state, and changes nothing', async () => {
    const ask = ({ ema }: Subject): void => {
      cells += GETTERS.map((name) => ema[name]).length - 1;
    };
    // The call itself is counted too.
    expect(Object.values(await rowOf(engine, 'getters', ask))).toEqual(STATE_NAMES.map(() => 'no-op'));
  });
});
