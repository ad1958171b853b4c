// The charts of study and benchmarks: order, colours, and that their text is really drawn.
// How a chart looks is for eyes; this holds what a program can check.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { svgToPng } from '../../src/report/render.js';
import { PLAIN } from '../../src/report/theme.js';
import { effectCharts } from '../../study/report/effect-chart.js';
import { type ChartPoint, type LineChart, lineChart } from '../../study/report/line-chart.js';
import { FONT_FILES, textWidth } from '../../tools/shared/charts/fonts.js';
import { saveChart, toSvg } from '../../tools/shared/charts/render.js';

const CHART: LineChart = {
  title: 'Averages end higher than the raw weights',
  subtitle: ['first line', 'second line'],
  x: { title: 'Epoch (10 steps each)' },
  y: { title: 'Validation accuracy (%)' },
  series: [
    { label: 'raw weights', colour: PLAIN, points: pointsOf([80, 82, 81]) },
    { label: 'slow', colour: '#440154', points: pointsOf([81, 84, 85]) },
    { label: 'fast', colour: '#26828e', dashed: true, points: pointsOf([82, 83, 83]) },
  ],
};

function pointsOf(values: readonly number[]): ChartPoint[] {
  return values.map((y, index) => ({ x: index + 1, y }));
}

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Texts of an SVG in the order in which they stand there. */
function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text ?? '');
}

function sizeOf(png: Buffer): [width: number, height: number] {
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
}

describe('a chart of lines', () => {
  it('names its axes with units and shows title and subtitle', async () => {
    const svg = await toSvg(lineChart(CHART));
    for (const text of [CHART.title, ...CHART.subtitle, CHART.x.title, CHART.y.title])
      expect(svg).toContain(`>${text}<`);
  });

  it('lists the series in their order, and draws a line for each in its colour', async () => {
    const svg = await toSvg(lineChart(CHART));
    const labels = CHART.series.map(({ label }) => label);
    expect(textsOf(svg).filter((text) => labels.includes(text))).toEqual(labels);
    for (const { colour } of CHART.series) expect(svg).toContain(`stroke="${colour}"`);
  });

  it('is there for a single point', async () => {
    const series = CHART.series.map((line) => ({ ...line, points: line.points.slice(0, 1) }));
    expect(textsOf(await toSvg(lineChart({ ...CHART, series })))).toContain('slow');
  });

  it('is the same text for the same figures', async () => {
    expect(await toSvg(lineChart(CHART))).toBe(await toSvg(lineChart(CHART)));
  });
});

describe('a chart of effects', () => {
  const place = (name: string, mean: number) => ({ place: name, mean, interval: [mean - 1, mean + 1] as const });
  const finding = (id: string, unit: 'pp' | 'ratio') => ({
    ...{ id, title: `claim of ${id}`, unit, places: [place('letters', 2), place('heat', -0.5)] },
    ...{ mean: 0.7, interval: [-1, 2.4] as const, studies: 2, between: 1, heterogeneity: 0.5 },
  });

  it('has a part for each claim, with its places and all of them, and one chart for each unit', async () => {
    const charts = effectCharts([finding('F2', 'pp'), finding('F9', 'pp'), finding('P1', 'ratio')]);
    expect(charts.map(({ name }) => name)).toEqual(['effects-pp', 'effects-courses']);
    const texts = textsOf(await toSvg(charts[0]?.spec ?? lineChart(CHART)));
    for (const text of ['F2: claim of F2', 'F9: claim of F9', 'letters', 'heat', 'all']) expect(texts).toContain(text);
    expect(texts).not.toContain('P1: claim of P1');
  });
});

describe('text', () => {
  it('has a font that comes with the project', () => {
    for (const file of FONT_FILES) expect(existsSync(file), file).toBe(true);
  });

  it('is measured in that font: wide letters are wider than narrow ones, and width grows with size', () => {
    expect(textWidth('mmmm', 12)).toBeGreaterThan(2 * textWidth('llll', 12));
    expect(textWidth('mmmm', 24)).toBeCloseTo(2 * textWidth('mmmm', 12), 0);
    expect(textWidth('mmmm', 12, '600')).not.toBe(textWidth('mmmm', 12));
    expect(textWidth('', 12)).toBe(0);
    expect(textWidth('a < b & c', 12)).toBeGreaterThan(0);
  });

  it('is drawn into the PNG', async () => {
    const svg = await toSvg(lineChart(CHART));
    const draw = (text: string) => svgToPng(text, { fontFiles: FONT_FILES });
    const withoutText = svg.replaceAll(/<text[^>]*>[^<]*<\/text>/g, '');
    expect(Buffer.from(await draw(svg)).equals(await draw(withoutText))).toBe(false);
  });
});

it('a chart is saved as SVG and as PNG of twice the size, in a folder that it makes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-charts-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const files = await saveChart(lineChart(CHART), join(folder, 'new', 'run'));
  expect(files).toEqual({ svg: join(folder, 'new', 'run.svg'), png: join(folder, 'new', 'run.png') });
  const svg = readFileSync(files.svg, 'utf8');
  const png = readFileSync(files.png);
  expect(png.subarray(0, 8)).toEqual(PNG_SIGNATURE);
  const [, width = '0', height = '0'] = svg.match(/width="([\d.]+)" height="([\d.]+)"/) ?? [];
  expect(sizeOf(png)).toEqual([2 * Number(width), 2 * Number(height)]);
});
