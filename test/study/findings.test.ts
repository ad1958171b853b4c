// Judging findings: criteria and verdicts on made-up results, where the right answer is known.
// Trains nothing.

import { describe, expect, it } from 'vitest';
import { formatDifference, formatLevel, formatList, formatMean, readable } from '../../study/findings/format.js';
import { type Finding, judgeImages, RULES, StudyResults } from '../../study/findings/index.js';
import { noiseCharts } from '../../study/report/model-charts.js';
import type { Condition } from '../../study/runs/condition.js';
import { CONDITIONS } from '../../study/runs/conditions.js';
import type { ModelId, ModelResult, RunLogits, RunResult, Scores } from '../../study/runs/result.js';
import type { StoredRun } from '../../study/runs/store.js';

/** A made-up run: everything that is not said is equal for all models. */
interface Made {
  readonly id: string;
  readonly seed: number;
  /** Test accuracy in per cent, by model. */
  readonly accuracy?: Partial<Record<ModelId, number>>;
  readonly scores?: Partial<Record<ModelId, Partial<Scores>>>;
  readonly epoch?: number;
  readonly digest?: string;
  readonly curves?: Readonly<Record<string, readonly number[]>>;
  readonly memorisation?: RunResult['memorisation'];
  readonly probe?: RunResult['probe'];
  readonly logits?: RunLogits;
}

const MODELS: readonly ModelId[] = [
  'sgdLast',
  'sgdAccuracy',
  'sgdLoss',
  'emaLast',
  'emaAccuracy',
  'emaLoss',
  'uniform',
];

function made(run: Made): StoredRun {
  const { id, seed, accuracy = {}, scores = {}, epoch = 5 } = run;
  const models = MODELS.map((model): [ModelId, ModelResult] => {
    const test: Scores = {
      accuracy: (accuracy[model] ?? 80) / 100,
      negativeLogLikelihood: 1,
      brier: 0.3,
      ece15: 0.1,
      ece100: 0.1,
      ...scores[model],
    };
    const validation = { accuracy: 0.8, loss: 1 };
    return [model, { track: 'raw', epoch, validation, test, temperature: 1, scaled: test, reliability: [] }];
  });
  const curves = Object.entries(run.curves ?? {}).map(([track, values]) => [track, { accuracy: values, loss: values }]);
  const result: RunResult = {
    conditionId: id,
    seed,
    steps: 100,
    stepsPerEpoch: 10,
    engine: 'js',
    curves: Object.fromEntries(curves),
    windows: { 'main-1': 1, 'main-10': 10 },
    memorisation: run.memorisation ?? {},
    models: Object.fromEntries(models),
    probe: run.probe ?? {},
    weightsDigest: run.digest ?? `${seed}`,
  };
  const condition = CONDITIONS.find((one) => one.id === id) as Condition;
  const environment = { tensorflow: '', node: '', machine: '' };
  return {
    spec: { condition, seed, engine: 'js', code: '' },
    result,
    logits: run.logits ?? {},
    seconds: 1,
    environment,
    commit: null,
  };
}

/** Seeds 1 to n of a condition. */
function seeds(id: string, count: number, of: (seed: number) => Omit<Made, 'id' | 'seed'> = () => ({})): StoredRun[] {
  return Array.from({ length: count }, (_, index) => made({ id, seed: index + 1, ...of(index + 1) }));
}

/** The finding with this id. */
function judged(id: string, runs: readonly StoredRun[], labels: readonly number[] = []): Finding {
  const rule = RULES.find((one) => one.id === id);
  if (rule === undefined) throw new Error(`no rule ${id}`);
  const needed = runs.filter(({ result }) =>
    [...rule.needs, 'N20', 'N60', 'K', 'N40', 'Cc'].includes(result.conditionId),
  );
  const finding = judgeImages(new StudyResults(needed, { 'fashion-mnist': labels }), [rule])[0];
  if (finding === undefined) throw new Error('nothing was judged');
  return finding;
}

/** `holds` and `verdict`, as most tests look at them. */
function outcome({ holds, verdict }: Finding): [boolean | null, string] {
  return [holds, verdict];
}

describe('findings', () => {
  it('are all those of the study, in order', () => {
    expect(RULES.map(({ id }) => id).join(' ')).toBe(
      "F0 F1 F2 F2' F3 F4 F5 F5' F6 F7 F8 F8' F8n F9 F10 F11 F12 F13 F14 F15 F16 F17 F18",
    );
  });

  it('are not measured where their runs were not made, and say which', () => {
    const finding = judged('F3', seeds('K', 2));
    expect(finding).toMatchObject({ verdict: 'not measured', holds: null, ours: null, interval: null });
    expect(finding.words).toContain('needs condition Cc');
  });
});

describe('an effect', () => {
  const gains = (values: readonly number[], loss = 0.9): StoredRun[] =>
    seeds('A', values.length, (seed) => ({
      accuracy: { emaLoss: 80 + (values[seed - 1] ?? 0) },
      scores: { emaLoss: { accuracy: 0.8 + (values[seed - 1] ?? 0) / 100, negativeLogLikelihood: loss + seed / 1000 } },
    }));

  it('is met where its intervals exclude 0', () => {
    const finding = judged('F2', gains([0.4, 0.5, 0.6]));
    expect(outcome(finding)).toEqual([true, 'met']);
    expect(finding.ours).toBeCloseTo(0.5, 10);
    // t(0.975, 2) * 0.1 / sqrt(3)
    expect(finding.interval?.[0]).toBeCloseTo(0.5 - (4.30265 * 0.1) / Math.sqrt(3), 4);
  });

  it('is open where an interval is too wide to tell, and not judged by too few seeds', () => {
    expect(outcome(judged('F2', gains([0.9, -0.5, 0.2])))).toEqual([false, 'open']);
    // One or two seeds give figures, and no verdict.
    expect(outcome(judged('F2', gains([0.9])))).toEqual([null, 'not enough data']);
    expect(outcome(judged('F2', gains([0.9, 0.91])))).toEqual([null, 'not enough data']);
  });

  it('is missed where it lies surely on the other side, by the measure that does', () => {
    const [accuracy, loss] = ['accuracy', 'loss'].map((name) => `test ${name}, EMA (loss) - SGD at the end`);
    expect(judged('F2', gains([-0.4, -0.5, -0.6]))).toMatchObject({ verdict: 'missed', failed: [accuracy] });
    expect(judged('F2', gains([0.4, 0.5, 0.6], 1.2))).toMatchObject({ verdict: 'missed', failed: [loss] });
  });
});

describe('the promise that training is left alone', () => {
  it('holds when the weights of the run without the callback are the same', () => {
    expect(outcome(judged('F0', [...seeds('A', 2), ...seeds('A0', 1)]))).toEqual([true, 'met']);
  });

  it('is broken by one differing bit', () => {
    const finding = judged('F0', [...seeds('A', 2), ...seeds('A0', 1, () => ({ digest: 'other' }))]);
    expect(outcome(finding)).toEqual([false, 'missed']);
    expect(finding.words).toContain('DIFFER');
  });

  it('does not hold when the average ends elsewhere', () => {
    const runs = [...seeds('A', 2, () => ({ accuracy: { emaLast: 80.4 } })), ...seeds('A0', 1)];
    expect(outcome(judged('F0', runs))).toEqual([false, 'missed']);
  });
});

describe('findings on training', () => {
  const early = (ema: readonly number[], raw: readonly number[]): StoredRun[] =>
    seeds('A', 3, (seed) => ({ curves: { raw: raw.map((v) => v + seed / 1e4), 'main-1': raw, 'main-10': ema } }));

  it('F1 wants the average ahead and sooner in every seed', () => {
    const raw = [0.5, 0.6, 0.7, 0.75, 0.8, 0.84];
    const finding = judged('F1', early([0.7, 0.8, 0.85, 0.85, 0.85, 0.85], raw));
    expect(outcome(finding)).toEqual([true, 'met']);
    expect(finding.measures[1]?.values).toEqual([3, 3, 3]);
    expect(outcome(judged('F1', early([0.7, 0.75, 0.76, 0.77, 0.8, 0.8], raw)))).toEqual([false, 'missed']);
  });

  it('F3 is the share of the gain of decay', () => {
    const accuracy = { K: { sgdLast: 84, emaLast: 86 }, Cc: { sgdLast: 87 } };
    const runs = (['K', 'Cc'] as const).flatMap((id) => seeds(id, 3, () => ({ accuracy: accuracy[id] })));
    const finding = judged('F3', runs);
    expect(finding.ours).toBeCloseTo(2 / 3, 10);
    expect(outcome(finding)).toEqual([true, 'met']);
    // Where decay gains nothing there is nothing to replace.
    const worse = { K: { sgdLast: 84, emaLast: 86 }, Cc: { sgdLast: 83.5 } };
    const none = judged(
      'F3',
      (['K', 'Cc'] as const).flatMap((id) => seeds(id, 3, () => ({ accuracy: worse[id] }))),
    );
    expect(outcome(none)).toEqual([null, 'does not apply']);
    expect(none.words).toContain('decay gains nothing surely');
  });

  it('F7 wants every seed before three quarters of the run', () => {
    const at = (epoch: number): StoredRun[] => seeds('A', 3, (seed) => ({ epoch: seed === 1 ? 5 : epoch }));
    expect(outcome(judged('F7', at(30)))).toEqual([true, 'met']);
    expect(outcome(judged('F7', at(31)))).toEqual([false, 'open']);
  });

  it('F11 compares medians of the best epoch', () => {
    const peak = (epoch: number): number[] => Array.from({ length: 40 }, (_, at) => (at + 1 === epoch ? 0.9 : 0.8));
    const runs = (epochs: readonly [number, number, number]): StoredRun[] =>
      seeds('A', 3, () => ({
        curves: { 'plain-2.56': peak(epochs[0]), 'plain-10.23': peak(epochs[1]), 'plain-30': peak(epochs[2]) },
      }));
    expect(outcome(judged('F11', runs([6, 11, 23])))).toEqual([true, 'met']);
    expect(judged('F11', runs([6, 6, 23])).failed).toEqual(['median best epoch, window 10 % - window 2.6 %']);
    expect(outcome(judged('F11', runs([9, 11, 8])))).toEqual([false, 'missed']);
  });

  it('F13 wants a small gap, and a naive one five times as large', () => {
    const runs = (right: number, naive: number): StoredRun[] =>
      seeds('A', 3, () => ({
        curves: { 'plain-2.56': [0.8, 0.8], 'sparse-right': [0.8 + right, 0.8], 'sparse-naive': [0.8 - naive, 0.8] },
      }));
    expect(outcome(judged('F13', runs(0.002, 0.02)))).toEqual([true, 'met']);
    expect(outcome(judged('F13', runs(0.002, 0.006)))).toEqual([false, 'missed']);
  });
});

describe('findings on noise', () => {
  const noisy = (gain: number, count = 3): StoredRun[] =>
    ['N20', 'N40', 'N60'].flatMap((id) =>
      seeds(id, count, (seed) => ({ accuracy: { sgdLast: 60, sgdLoss: 78, emaLoss: 78 + gain + seed / 10 } })),
    );

  it("F5 and F5' judge every level, and put 40 % first", () => {
    const finding = judged('F5', noisy(1));
    expect(outcome(finding)).toEqual([true, 'met']);
    expect(finding.measures.map(({ name }) => name.slice(0, 3)).slice(0, 3)).toEqual(['N40', 'N20', 'N60']);
    expect(outcome(judged("F5'", noisy(1)))).toEqual([true, 'met']);
    expect(outcome(judged("F5'", noisy(-0.15)))).toEqual([false, 'open']);
  });

  it('F6 reads both at the same fit of the right labels', () => {
    const line = (noise: number) => [
      { clean: 0.8, noisy: 0 },
      { clean: 1, noisy: noise },
    ];
    const runs = seeds('N40', 3, () => ({ memorisation: { raw: line(0.8), 'main-10': line(0.2) } }));
    const finding = judged('F6', runs);
    expect(finding.ours).toBeCloseTo(-30, 10);
    expect(outcome(finding)).toEqual([true, 'met']);
    const never = [...runs, made({ id: 'N40', seed: 9, memorisation: { raw: line(0.8), 'main-10': [] } })];
    expect(outcome(judged('F6', never))).toEqual([false, 'missed']);
  });

  it('F18 has no criterion, and is about nothing where nothing is lost', () => {
    const drop = (id: string, last: number): StoredRun[] =>
      seeds(id, 3, () => ({ accuracy: { emaLoss: 80, emaLast: last } }));
    expect(outcome(judged('F18', [...drop('NK', 79.5), ...drop('N40', 51)]))).toEqual([null, 'reported']);
    expect(outcome(judged('F18', [...drop('NK', 79.5), ...drop('N40', 79.5)]))).toEqual([null, 'does not apply']);
  });
});

describe('findings on models', () => {
  it('F8n and F4 ask that nothing differs', () => {
    const runs = (shift: number): StoredRun[] =>
      seeds('N40', 3, (seed) => ({ scores: { emaLoss: { ece15: 0.1 + shift + (seed - 2) / 100 } } }));
    expect(outcome(judged('F8n', runs(0)))).toEqual([true, 'met']);
    expect(outcome(judged('F8n', runs(0.2)))).toEqual([false, 'missed']);
    expect(outcome(judged('F8n', seeds('N40', 1)))).toEqual([null, 'not enough data']);
    expect(outcome(judged('F4', seeds('Cc', 3)))).toEqual([true, 'met']);
  });

  it('F9 compares every pair of seeds', () => {
    // Two classes, two images, by seed: which image is taken for class 1, and how surely.
    const logits = (seed: number, strength: number): Float32Array =>
      Float32Array.from(seed % 2 === 0 ? [strength, 0, 0, 1] : [0, strength, 0, 1]);
    const runs = (ema: number): StoredRun[] =>
      seeds('A', 3, (seed) => ({
        logits: { sgdLast: logits(seed, 4), sgdLoss: logits(seed, 4), emaLoss: logits(2, 1 + seed * ema) },
      }));
    const finding = judged('F9', runs(0.01), [0, 1]);
    expect(finding.measures[0]).toMatchObject({ unit: 'pp' });
    // SGD's pairs (1, 2) and (2, 3) disagree about one image of two, (1, 3) about none: not lower in every pair.
    expect(finding.measures[0]?.values).toEqual([-50, 0, -50]);
    expect(outcome(finding)).toEqual([false, 'open']);
  });

  it('F10 claims only that transfer is not worse', () => {
    const runs = (last: number, stopped: number): StoredRun[] =>
      seeds('A', 3, (seed) => ({
        probe: { random: 0.92, emaLoss: 0.93 + seed / 1e5, sgdLast: 0.93 - last, sgdLoss: 0.93 - stopped },
      }));
    expect(outcome(judged('F10', runs(0.005, 0.005)))).toEqual([true, 'met']);
    expect(outcome(judged('F10', runs(0.005, -0.001)))).toEqual([true, 'met']);
    expect(outcome(judged('F10', runs(0.005, -0.01)))).toEqual([false, 'missed']);
  });
});

describe('numbers', () => {
  it('are written with their margins, units and true minus signs', () => {
    expect(formatDifference({ mean: 0.468, interval: [0.318, 0.618] }, 'pp')).toBe('+0.47 ± 0.15 pp');
    expect(formatDifference({ mean: -0.001, interval: undefined }, 'pp')).toBe('0.00 pp');
    expect(formatDifference({ mean: -0.768, interval: undefined }, 'nats')).toBe('−0.768 nats');
    expect(formatMean({ mean: 0.78, interval: undefined }, 'share')).toBe('0.78');
    // A ratio of two errors, as 100 ln: half of the error, and not 69 % less.
    const halved = 100 * Math.log(0.5);
    expect(formatDifference({ mean: halved, interval: [2 * halved, 0] }, 'ratio')).toBe('−50 % [−75, 0.0]');
    expect(formatLevel(100 * Math.log(1.0234), 'ratio')).toBe('+2.3 %');
    expect(readable('N40: churn, emaLoss - sgdLast')).toBe('N40: churn, EMA (loss) - SGD at the end');
    expect(formatLevel(87.15, '%')).toBe('87.2 %');
    expect(formatList(['a', 'b', 'c'])).toBe('a, b and c');
  });
});

describe('the chart of wrong labels', () => {
  it('names the conditions that were run', () => {
    const [chart] = noiseCharts(new StudyResults([...seeds('A', 1), ...seeds('N40', 1)], {}));
    expect(JSON.stringify(chart?.spec)).toContain('"Conditions A, N40; mean and range of the seeds"');
  });
});
