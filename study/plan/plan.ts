// From options to the list of training runs.
// Runs nothing and reads no command line.

import type { EngineChoice } from '../../src/index.js';
import type { StudyDataName } from '../data/study-data.js';
import { type PresetName, presets } from '../paper/presets.js';
import { type Condition, type Course, isCourse, type LogitNetworkName, type RunSpec } from '../runs/condition.js';
import { noisyCondition, QUICK_EPOCHS } from '../runs/conditions.js';
import { ALL, type Domain } from './domains.js';

/** What is to be trained; what is left out is as the study has it. */
export interface Plan {
  /** One seed, few epochs, conditions A, A0 and N40, and all courses. */
  readonly quick: boolean;
  /** The paper's own data, network and recipe instead of the study's. */
  readonly preset: PresetName | undefined;
  /** Only what each domain takes part with where little is asked for: its core conditions, with few seeds. */
  readonly part: boolean;
  /** Only these conditions. */
  readonly conditions: readonly string[] | undefined;
  /** Undefined: those of each domain. */
  readonly seeds: readonly number[] | undefined;
  /** Every condition with all seeds; otherwise each takes as many of the first as it needs. */
  readonly allSeeds: boolean;
  readonly data: StudyDataName | undefined;
  readonly dataDirectory: string | undefined;
  readonly network: LogitNetworkName | undefined;
  readonly epochs: number | undefined;
  /** Wrong labels in whole per cents, each once, instead of 20, 40 and 60. */
  readonly noise: readonly number[] | undefined;
  /** Main averages by window, as shares of the run, or by decay per step. */
  readonly averages: { readonly windows: readonly number[] } | { readonly decays: readonly number[] } | undefined;
  readonly engine: EngineChoice;
}

/** The conditions of a domain that a plan asks for, with its changes. */
export function planConditions(plan: Plan, domain: Domain): (Condition | Course)[] {
  const all = plan.preset === undefined ? withNoise(domain.conditions, plan.noise) : [presets[plan.preset]];
  const quick = plan.quick && plan.preset === undefined ? all.filter(isQuick) : all;
  const { conditions } = plan;
  const isCore = ({ id }: Condition | Course): boolean => domain.core === ALL || domain.core.includes(id);
  const part = plan.part ? quick.filter(isCore) : quick;
  const chosen = conditions === undefined ? part : part.filter(({ id }) => conditions.includes(id));
  return chosen.map((condition) => (isCourse(condition) ? condition : change(condition, plan)));
}

function isQuick(condition: Condition | Course): boolean {
  return isCourse(condition) || condition.id in QUICK_EPOCHS;
}

/** Enough for intervals. */
const PART_SEEDS = 3;

/**
 * One run per condition and seed.
 * @param codeOf digest of the code that trains a condition.
 */
export function planRuns(plan: Plan, domain: Domain, codeOf: (condition: Condition | Course) => string): RunSpec[] {
  const seeds = plan.seeds ?? domain.seeds;
  return planConditions(plan, domain).flatMap((condition) => {
    const wanted = plan.part ? Math.min(PART_SEEDS, condition.seeds) : condition.seeds;
    const count = plan.allSeeds ? seeds.length : plan.quick ? 1 : wanted;
    const code = codeOf(condition);
    return seeds.slice(0, count).map((seed) => ({ condition, seed, engine: plan.engine, code }));
  });
}

function withNoise(
  conditions: readonly (Condition | Course)[],
  noise: readonly number[] | undefined,
): readonly (Condition | Course)[] {
  if (noise === undefined) return conditions;
  const others = conditions.filter(({ id }) => !/^N\d+$/.test(id));
  return [...others, ...noise.map((percent) => noisyCondition(percent, 3))];
}

function change(condition: Condition, plan: Plan): Condition {
  const { data, dataDirectory, network, averages } = plan;
  const epochs = plan.epochs ?? (plan.quick ? QUICK_EPOCHS[condition.id] : undefined) ?? condition.recipe.epochs;
  const directory = dataDirectory === undefined ? {} : { directory: dataDirectory };
  const main = averages === undefined || condition.averages.main === 'none' ? condition.averages.main : averages;
  return {
    ...condition,
    // The BatchNorm condition keeps its network: it is about BatchNorm.
    network: network === undefined || condition.id === 'BN' ? condition.network : network,
    data: { ...condition.data, name: data ?? condition.data.name, ...directory },
    recipe: { ...condition.recipe, epochs },
    averages: { ...condition.averages, main },
    // The probe's digits are grey and 28 x 28, as the study's own images.
    measures: { ...condition.measures, probe: isGrey(data ?? 'mnist') ? condition.measures.probe : undefined },
  };
}

function isGrey(name: StudyDataName): boolean {
  return name === 'fashion-mnist' || name === 'mnist';
}
