// The report: its data, the table, the charts, and pictures of them; from a fit on each engine and from figures alone.
// How figures are judged: health, signal.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type ReportData, type Signal, WeightEma } from '../../../src/index.js';
import { optional } from '../../../src/report/render.js';
import { EmaReport } from '../../../src/report/report.js';
import { orderedColours } from '../../../src/report/theme.js';
import { chartsOf, saveReport, toHtml, toPng, toSvg } from '../../../src/report.js';
import { rejectionOf } from '../../support/expect.js';
import { data, denseModel, tf } from '../../support/models.js';
import { at } from '../../support/oracle.js';

const quiet = { onWarning: () => undefined };
const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-report-'));

afterEach(() => {
  tf.disposeVariables();
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A report of 20 epochs, two averages and three diagnoses, with nothing computed. */
function made(change: Partial<ReportData> = {}): EmaReport {
  const signal: Signal = {
    drift: 2,
    noise: 1,
    ratio: 2,
    verdict: 'drift',
    advice: 'drift-dominated: this decay lags',
    references: { walk: 0.5, line: 2 },
  };
  const figures = { norm: 4.9, distance: 0.5, maxDistance: 0.1, cosine: 0.99, deadZone: 10 };
  const diagnosis = (steps: number) => ({
    steps,
    updates: steps / 10,
    total: { name: 'total', size: 1000, norm: 5, nonFinite: 0, averages: [figures, { ...figures, distance: 1 }] },
    signal,
    layers: [{ layer: 'dense', ...signal }],
    initialShares: [0, 0.125],
    health: [],
  });
  return new EmaReport({
    facts: {
      engine: 'js',
      engineReason: 'asked for',
      steps: 200,
      updates: 20,
      lastDecays: [0.9, 0.995],
      seconds: 0.5,
      skipped: 0,
      bytes: 8 * 2 ** 20,
      settings: {},
    },
    averages: [
      { label: '0.9', decay: 0.9, halfLife: 6.579 },
      { label: 'uniform', decay: 1, halfLife: Number.POSITIVE_INFINITY },
    ],
    epochs: Array.from({ length: 20 }, (_, epoch) => ({
      epoch,
      raw: { loss: 1 / (epoch + 1), acc: 0.5 },
      averages: [
        { loss: 0.5, acc: 0.75 },
        { loss: Number.NaN, acc: 0.625 },
      ],
      best: 0,
      tied: undefined,
    })),
    bests: [{ metric: 'acc', value: 0.75, epoch: 3, index: 0, decay: 0.9, tied: { averages: [0, 1], raw: false } }],
    diagnoses: [0, 100, 200].map(diagnosis),
    warnings: ['something to know'],
    ...change,
  });
}

describe.each(['native', 'js'] as const)('report with engine %s', (engine) => {
  it('of a fit has its validations, bests, diagnoses, facts and warnings, and goes through JSON', async () => {
    const { x, y } = data(64);
    const model = denseModel();
    const options = {
      decays: [0.5, 0.9],
      updateEvery: 2,
      diagnoseEvery: 2,
      engine,
      ...quiet,
    } as const;
    const ema = new WeightEma(tf, options);
    await model.fit(x, y, {
      epochs: 3,
      batchSize: 16,
      verbose: 0,
      callbacks: [ema.callback({ validationData: [x, y] })],
    });
    const report = ema.report();
    expect(report.facts).toMatchObject({
      engine,
      steps: 12,
      updates: 6,
      bytes: ema.facts.bytes,
      seconds: ema.facts.seconds,
    });
    expect(report.facts.settings).toMatchObject({ decays: [0.5, 0.9], updateEvery: 2 });
    expect(report.averages.map(({ label }) => label)).toEqual(['0.5', '0.9']);
    expect(report.averages[0]?.halfLife).toBeCloseTo(1, 12);
    expect(report.epochs).toEqual(ema.validations);
    expect(report.epochs).toHaveLength(3);
    expect([report.bests, report.warnings]).toEqual([ema.bests, ema.warnings]);
    expect(report.diagnoses.map(({ updates }) => updates)).toEqual([0, 2, 4, 6]);
    expect(JSON.parse(JSON.stringify(report))).toMatchObject({ epochs: report.epochs, facts: { steps: 12 } });
    const names = chartsOf(report).map(({ name }) => name);
    expect(names).toEqual(['metric-loss', 'metric-acc', 'distance', 'signal-to-noise']);
    // What comes later is not in it.
    ema.diagnose();
    expect(report.diagnoses).toHaveLength(4);
    ema.dispose();
  });

  it('of a loop of one’s own takes what that measured', () => {
    const ema = new WeightEma(tf, { decays: 0.9, engine, ...quiet }).attach(denseModel());
    expect(ema.report().epochs).toEqual([]);
    const measured = { epoch: 0, raw: { loss: 2 }, averages: [{ loss: 1 }] };
    ema.record(measured);
    // There is no average before the first step, and none is best.
    expect(ema.report().epochs).toEqual([{ ...measured, best: undefined, tied: undefined }]);
    ema.update();
    ema.record({ ...measured, epoch: 1 });
    expect(ema.report().epochs.slice(1)).toEqual([{ ...measured, epoch: 1, best: 0, tied: undefined }]);
    ema.dispose();
  });
});

describe('of a metric whose direction mode said', () => {
  it('table and chart say the same, also after a checkpoint', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-'));
    const model = denseModel();
    const make = () => new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1, ...quiet }).attach(model);
    const measured = {
      epoch: 0,
      raw: { loss: 1, level: 5 },
      averages: [
        { loss: 2, level: 9 },
        { loss: 3, level: 7 },
      ],
    };
    const ema = make();
    ema.update();
    ema.record(measured, { monitor: 'level', mode: 'max' });
    await ema.saveCheckpoint(join(folder, 'ema'));
    const resumed = make();
    await resumed.loadCheckpoint(join(folder, 'ema'));
    expect(resumed.bests).toEqual(ema.bests);
    expect(ema.bests.map(({ metric, mode }) => [metric, mode])).toEqual([
      ['level', 'max'],
      ['loss', undefined],
    ]);
    for (const one of [ema, resumed]) {
      // What epochs measured is not in a checkpoint: which of its bests it is by, is.
      const report = new EmaReport({ ...one.report(), epochs: ema.validations });
      expect(`${report}`).toMatch(/val_level \(\* highest of the epoch\)\n.*\n.* 9\.0000\*/);
      expect(`${report}`).toMatch(/val_loss \(\* lowest of the epoch\)\n.*\n.* 1\.0000\*/);
      const spec = (name: string) => JSON.stringify(chartsOf(report).find((chart) => chart.name === name)?.spec);
      expect(spec('metric-level')).toMatch(/Higher is better/);
      expect(spec('metric-loss')).toMatch(/Lower is better/);
      one.dispose();
    }
    rmSync(folder, { recursive: true });
  });
});

describe('the table', () => {
  const lines = `${made()}`.split('\n');
  const section = (title: RegExp) => lines.slice(lines.findIndex((line) => title.test(line)));

  it('begins with what averaging was and what it cost', () => {
    expect(lines.slice(0, 3)).toEqual([
      '20 updates in 200 steps took 0.5 s, 25 ms each; the averages occupy 8 MiB',
      'engine js: asked for',
      'averages 0.9 (half-life 6.58 steps), uniform',
    ]);
  });

  it('has the metrics by epoch, every n-th and the last, with the best of each marked', () => {
    const rows = section(/^val_loss/).slice(0, 13);
    expect(rows[0]).toBe('val_loss (* lowest of the epoch)');
    expect(rows[1]?.trim().split(/\s+/)).toEqual(['epoch', 'raw', '0.9', 'uniform']);
    expect(rows[2]?.trim().split(/\s+/)).toEqual(['1', '1.0000', '0.5000*', 'NaN']);
    expect(rows[3]?.trim().split(/\s+/)).toEqual(['3', '0.3333*', '0.5000', 'NaN']);
    expect(rows[12]?.trim().split(/\s+/)).toEqual(['20', '0.0500*', '0.5000', 'NaN']);
    expect(
      section(/^val_acc/)[2]
        ?.trim()
        .split(/\s+/),
    ).toEqual(['1', '0.5000', '0.7500*', '0.6250']);
  });

  it('has the best averages and their ties, distances, drift against noise, and warnings', () => {
    expect(lines).toContain('val_acc 0.7500: average 0.9, epoch 4; the data cannot tell it from uniform');
    expect(section(/^At step 200/)[0]).toBe('At step 200: |w| = 5 in 1000 weights');
    expect(section(/^At step 200/)[3]?.split(/\s{2,}/)).toEqual([
      'uniform',
      '4.9',
      '1',
      '0.2',
      '0.990000',
      '0.1',
      '1 %',
      '12.5 %',
    ]);
    expect(section(/^Drift/)[3]).toMatch(/^dense +2 +1 +2 {2}drift-dominated: this decay lags$/);
    expect(section(/^Warnings/)).toEqual(['Warnings', '- something to know']);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(100);
    expect(JSON.parse(JSON.stringify(made()))).toMatchObject({
      facts: { steps: 200 },
      warnings: ['something to know'],
    });
  });

  it('shows long decays with as many digits as tell them apart, and the names of the others as they are', () => {
    const average = (decay: number) => ({ label: `${decay}`, decay, halfLife: 5 });
    const header = (decays: readonly number[]) =>
      `${made({ averages: [...decays.map(average), { label: 'uniform', decay: 1, halfLife: Number.POSITIVE_INFINITY }] })}`
        .split('\n')
        .find((line) => line.startsWith('epoch'))
        ?.trim()
        .split(/\s+/)
        .slice(2);
    expect(header([0.999875, 1 - 0.0128 / 3, 1 - 0.0256 / 3])).toEqual(['0.999875', '0.99573', '0.99147', 'uniform']);
    const close = [0.99571234567, 0.99571234568];
    expect(header(close)).toEqual([...close.map((decay) => `${decay}`), 'uniform']);
  });

  it('leaves out what there is nothing to say of', () => {
    const text = `${made({ epochs: [], bests: [], diagnoses: [], warnings: [] })}`;
    expect(text.split('\n')).toHaveLength(3);
  });
});

describe('the charts', () => {
  it('are plain vega-lite, with a point for every number and none for what is not one', () => {
    const [loss, , distance, signal] = chartsOf(made());
    expect(JSON.parse(JSON.stringify(loss?.spec))).toEqual(loss?.spec);
    const valuesOf = (chart: typeof loss) => {
      const layers = chart?.spec['layer'] as readonly {
        data: { values: { x: number; series: string; value: number }[] };
      }[];
      return at(layers, 0).data.values;
    };
    expect(valuesOf(loss)).toHaveLength(20 * 2);
    expect(valuesOf(loss)[1]).toEqual({ x: 1, series: '0.9', value: 0.5 });
    // Not the look at the start, where nothing is apart yet.
    expect(valuesOf(distance).map(({ x, value }) => [x, value])).toEqual([
      [100, 0.1],
      [100, 0.2],
      [200, 0.1],
      [200, 0.2],
    ]);
    expect(valuesOf(signal).map(({ series }) => series)).toEqual(['all layers', 'dense', 'all layers', 'dense']);
    expect(chartsOf(made({ diagnoses: [] }))).toHaveLength(2);
  });

  it('have colours that go from dark to light', () => {
    expect(orderedColours(1)).toEqual(['#440154']);
    expect(orderedColours(5)).toEqual(['#440154', '#3e4a89', '#26828e', '#35b779', '#6dcd59']);
    expect(orderedColours(3)[1]).toBe('#26828e');
  });

  it('become SVG and PNG, and measure no text of others differently afterwards', async () => {
    const vega = await import('vega');
    const own: unknown = Reflect.get(Reflect.get(vega, 'textMetrics') as object, 'width');
    const svg = await toSvg(made(), 'signal-to-noise');
    expect(Reflect.get(Reflect.get(vega, 'textMetrics') as object, 'width')).toBe(own);
    expect(svg).toMatch(/^<svg/);
    for (const text of ['all layers', 'dense', 'Drift / noise', 'above it: drift']) expect(svg).toContain(text);
    const png = await toPng(made(), 'signal-to-noise');
    expect(Buffer.from(png.subarray(1, 4)).toString()).toBe('PNG');
    const { message } = await rejectionOf(toSvg(made(), 'nothing'), 'INVALID_ARGUMENT');
    expect(message).toMatch(/one of 'metric-loss', 'metric-acc', 'distance', 'signal-to-noise', received 'nothing'/);
  });

  it('stand in one HTML file that loads nothing, beside the table and the data', async () => {
    const html = await toHtml(made({ warnings: ['</script><b>'] }));
    expect(html.match(/<svg/g)).toHaveLength(4);
    expect(html).not.toMatch(/(src|href)="?https?:/);
    const json = /<script type="application\/json" id="report">(.*)<\/script>/.exec(html)?.[1] ?? '';
    expect(JSON.parse(json)).toMatchObject({ facts: { steps: 200 }, warnings: ['</script><b>'] });
    expect(html).toContain('- &lt;/script&gt;&lt;b&gt;');
  });

  it('are saved with the rest', async () => {
    const { files, leftOut } = await saveReport(made(), join(folder, 'a', 'b'));
    const charts = ['distance', 'metric-acc', 'metric-loss', 'signal-to-noise'];
    const expected = [...charts.flatMap((name) => [`${name}.png`, `${name}.svg`, `${name}.vl.json`])];
    expect(readdirSync(join(folder, 'a', 'b')).sort()).toEqual(
      [...expected, 'report.html', 'report.json', 'report.txt'].sort(),
    );
    expect([files.length, leftOut]).toEqual([15, '']);
    expect(JSON.parse(readFileSync(join(folder, 'a', 'b', 'report.json'), 'utf8')).facts.steps).toBe(200);
  });

  it('are drawn once each, and keep numbers that JSON does not have', async () => {
    const { textMetrics } = (await import('vega')) as unknown as { textMetrics: { width: unknown } };
    const own = textMetrics.width;
    let set = 0;
    Object.defineProperty(textMetrics, 'width', { configurable: true, get: () => own, set: () => (set += 1) });
    const odd = made();
    const [first] = odd.epochs;
    const report = new EmaReport({
      ...odd,
      averages: [{ label: 'uniform', decay: 1, halfLife: Number.POSITIVE_INFINITY }],
      epochs: [{ ...(first ?? expect.fail('no epoch')), raw: { loss: Number.NaN } }],
    });
    try {
      const { files } = await saveReport(report, join(folder, 'odd'));
      // Letters are measured by their kind while a chart is drawn, and otherwise after it.
      expect(set).toBe(2 * chartsOf(report).length);
      expect(files.filter((file) => file.endsWith('.svg'))).toHaveLength(chartsOf(report).length);
    } finally {
      Object.defineProperty(textMetrics, 'width', { configurable: true, writable: true, value: own });
    }
    const saved = JSON.parse(readFileSync(join(folder, 'odd', 'report.json'), 'utf8'));
    expect([saved.averages[0].halfLife, saved.epochs[0].raw.loss]).toEqual(['Infinity', 'NaN']);
  });

  it('name the file that cannot be written', async () => {
    const taken = join(folder, 'taken');
    writeFileSync(taken, '');
    const { message, cause } = await rejectionOf(saveReport(made(), taken), 'CHECKPOINT');
    expect(message).toMatch(/taken: expected to write it, but: EEXIST.* Save it elsewhere\.$/);
    expect(cause).toMatchObject({ code: 'EEXIST' });
    mkdirSync(join(folder, 'part', 'report.txt'), { recursive: true });
    expect((await rejectionOf(saveReport(made(), join(folder, 'part')), 'CHECKPOINT')).message).toMatch(
      /part.report\.txt: expected to write it, but: EISDIR/,
    );
  });

  it('are of a report, in a folder, with options that there are', async () => {
    const wrong = async (saving: Promise<unknown>) => (await rejectionOf(saving, 'INVALID_ARGUMENT')).message;
    const ema = new WeightEma(tf);
    const out = join(folder, 'wrong');
    for (const other of [ema, undefined] as unknown as ReportData[])
      for (const made of [saveReport(other, out), toHtml(other), toSvg(other, 'distance')])
        expect(await wrong(made)).toMatch(/^report: expected what ema\.report\(\) gives, received/);
    expect(await wrong(saveReport(made(), ''))).toMatch(/^folder: expected a folder such as 'report', received ''/);
    const fonts: object = { fontfiles: [] };
    for (const drawn of [saveReport(made(), out, fonts), toPng(made(), 'distance', fonts)])
      expect(await wrong(drawn)).toMatch(/no option 'fontfiles'\. Did you mean 'fontFiles'\?$/);
    expect(readdirSync(folder)).not.toContain('wrong');
    ema.dispose();
  });
});

describe('a package that is not installed', () => {
  it('is named, with the way to get it', async () => {
    const missing = 'tfjs-ema-has-no-such-package';
    const { message, cause } = await rejectionOf(
      optional(['vega', 'vega-lite'], () => import(/* @vite-ignore */ missing)),
      'MISSING_PACKAGE',
    );
    expect(message).toMatch(/npm install --save-dev vega vega-lite/);
    expect(cause).toBeInstanceOf(Error);
    const failing = optional(['vega'], () => Promise.reject(new RangeError('inside of it')));
    await expect(failing).rejects.toThrow(RangeError);
  });
});
