// The averaging systems of examples/systems: each runs, shows what its page says, and needs ten lines of averaging at most.
// How exact each average is is tested elsewhere.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs', 'systems.md'), 'utf8');
/** The programs that the page links to, and how many lines of averaging it gives them. */
const linked = [...page.matchAll(/\(\.\.\/examples\/(\S+\.ts)\) \| (\d*) \|/g)].map(
  ([, path = '', lines]) => [path, Number(lines)] as const,
);

type Measured = Record<string, number> & Record<'raw' | 'mean' | 'clients', number & readonly number[]>;

/** What each program must show of what it measured. */
const systems: readonly [name: string, shown: (measured: Measured) => void][] = [
  ['adapters', less('teacher', 0.6, (m) => expect(m['bytes']).toBeLessThan(4 * Number(m['weights'])))],
  ['bema', less('difference', 1e-6)],
  ['burn-in', (m) => expect(m['teacher']).toBeGreaterThan(Number(m['before']))],
  ['codebook', less('difference', 1e-4, (m) => expect(m['after']).toBeLessThan(Number(m['before']) / 5))],
  ['diffusion', (m) => expect(m['average']).toBeLessThan(m.raw)],
  ['federated', (m) => expect(m['server']).toBeLessThan(Math.min(...m.clients))],
  [
    'five-averages',
    less('recomputed', 0.6, (m) => {
      expect(m['averages']).toBe(5);
      expect(m['best']).toBeLessThan(m.raw);
    }),
  ],
  ['focus', (m) => expect(m['after']).toBeLessThan(Number(m['before']) / 5)],
  ['lookahead', less('difference', 1e-6)],
  ['merged-checkpoints', (m) => expect(m['merged']).toBeLessThan(m.raw)],
  [
    'momentum-ramp',
    (m) => {
      expect([m['first'], m['last']]).toEqual([0.996, 1]);
      expect(m['after']).toBeLessThan(Number(m['before']) / 2);
      expect(m['spread']).toBeGreaterThan(0.1);
    },
  ],
  ['padam', (m) => expect(m['best']).toBeLessThan(m.raw / 1.5)],
  [
    'post-hoc',
    (m) => {
      expect(Math.abs(Number(m['wide']) - Number(m['untracked']))).toBeLessThan(1e-3);
      expect(m['bound']).toBeLessThan(0.05);
      expect(m['best']).toBeLessThan(Number(m['tracked']));
    },
  ],
  [
    'reference-policy',
    (m) => {
      expect(m['free']).toBeLessThan(Number(m['cloned']));
      expect(m['constrained']).toBeGreaterThan(Number(m['cloned']));
    },
  ],
  ['segmentation', (m) => expect(m['average']).toBeGreaterThan(Number(m['student']) - 0.01)],
  [
    'test-time',
    less('difference', 1e-6, (m) => {
      expect(m['least']).toBeLessThan(Number(m['most']) / 2);
      expect(m['right']).toBeGreaterThan(0.9);
    }),
  ],
  ['warp', (m) => expect(m['merged']).toBeLessThan(Number(m['start']))],
  [
    'window-mean',
    less('difference', 1e-5, (m) => {
      for (const window of [1, 2, 3]) expect(m.mean[window]).toBeLessThan(m.raw[window] ?? 0);
    }),
  ],
];

function less(name: string, limit: number, also: (measured: Measured) => void = () => {}) {
  return (measured: Measured) => {
    expect(measured[name]).toBeLessThan(limit);
    also(measured);
  };
}

/** The lines that say anything about averages: what comes from tfjs-ema, and whatever is made of that. */
function averagingLines(source: string): number {
  const [head = '', ...statements] = source.split(/^(?!import|\/\/|$)/m);
  const names = [...head.matchAll(/^import \{(.*)\} from 'tfjs-ema.*';$/gm)].flatMap(
    ([, list = '']) => list.match(/\w+/g) ?? [],
  );
  const lines = statements
    .join('')
    .split('\n')
    .filter((line) => !/console\.log|export const measured/.test(line));
  const about = (line: string) => names.some((name) => new RegExp(`\\b${name}\\b`).test(line.replace(/\/\/.*/, '')));
  return lines.filter((line) => {
    if (!about(line)) return false;
    const [, made] = /^\s*const (\w+) = (?:await )?(?:new WeightEma|ema\.asModel)/.exec(line) ?? [];
    if (made !== undefined) names.push(made);
    return true;
  }).length;
}

describe('systems', () => {
  let measured: Record<string, Measured>;

  beforeAll(() => {
    const output = execFileSync(
      process.execPath,
      [
        ...[join(root, 'node_modules', 'tsx', 'dist', 'cli.mjs'), '--tsconfig', join(root, 'tsconfig.json')],
        join(root, 'test', 'support', 'run-systems.ts'),
      ],
      { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, VITEST: '' } },
    );
    measured = JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as typeof measured;
  });

  it('are all listed here and in the page', () => {
    const names = readdirSync(join(root, 'examples', 'systems')).map((file) => file.replace('.ts', ''));
    expect(names.sort()).toEqual(systems.map(([name]) => name));
    const pages = linked.map(([path]) => path).filter((path) => path.startsWith('systems/'));
    expect(pages.sort()).toEqual(names.map((name) => `systems/${name}.ts`));
  });

  it.each(systems)('%s shows what it should', (name, shown) => {
    const values = measured[name];
    expect(values).toBeDefined();
    if (values !== undefined) shown(values);
  });

  it.each(linked)('%s needs ten lines of averaging at most, as many as the page says', (path, lines) => {
    const counted = averagingLines(readFileSync(join(root, 'examples', path), 'utf8'));
    expect(counted).toBeLessThanOrEqual(10);
    expect(lines).toBe(counted);
  });
});
