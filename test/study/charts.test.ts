// The charts of demo and study: order, colours, and that their text is really drawn.
// How a chart looks is for eyes; this holds what a program can check.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type EpochChart, epochChart } from '../../study/report/epochs.js';
import { FONT_FILES, textWidth } from '../../tools/shared/charts/fonts.js';
import { saveChart, toPng, toSvg } from '../../tools/shared/charts/render.js';
import { orderedColours, RAW_COLOUR } from '../../tools/shared/charts/theme.js';

const CHART: EpochChart = {
  title: 'Averages end higher than the raw weights',
  subtitle: ['first line', 'second line'],
  metric: 'Validation accuracy (%)',
  epochLabel: 'Epoch (10 steps each)',
  raw: [80, 82, 81],
  averages: [
    { decay: 0.99, label: 'slow', values: [81, 84, 85] },
    { decay: 0.9, label: 'fast', values: [82, 83, 83] },
  ],
};

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Texts of an SVG in the order in which they stand there. */
function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text ?? '');
}

function sizeOf(png: Buffer): [width: number, height: number] {
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
}

describe('the chart of a run', () => {
  it('names its axes with units and shows title and subtitle', async () => {
    const svg = await toSvg(epochChart(CHART));
    for (const text of [CHART.title, ...CHART.subtitle, CHART.metric, 'Epoch (10 steps each)']) {
      expect(svg).toContain(`>${text}<`);
    }
  });

  it('lists the raw weights first and then the averages by decay', async () => {
    const texts = textsOf(await toSvg(epochChart(CHART)));
    expect(texts.filter((text) => ['raw weights', 'slow', 'fast'].includes(text))).toEqual([
      'raw weights',
      'fast',
      'slow',
    ]);
  });

  it('draws a line per series, the raw weights in grey', async () => {
    const svg = await toSvg(epochChart(CHART));
    for (const colour of [RAW_COLOUR, ...orderedColours(2)]) expect(svg).toContain(`stroke="${colour}"`);
  });

  it('is there for a run of one epoch, and without averages', async () => {
    const short = { ...CHART, raw: [80], averages: CHART.averages.map((series) => ({ ...series, values: [81] })) };
    expect(textsOf(await toSvg(epochChart(short)))).toContain('slow');
    expect(textsOf(await toSvg(epochChart({ ...CHART, averages: [] })))).toContain('raw weights');
  });

  it('is the same text for the same figures', async () => {
    expect(await toSvg(epochChart(CHART))).toBe(await toSvg(epochChart(CHART)));
  });
});

describe('colours of things in order', () => {
  it.each([1, 2, 5, 9])('are %i different ones', (count) => {
    expect(new Set(orderedColours(count)).size).toBe(count);
  });

  it('begin dark and get lighter', () => {
    const lightness = orderedColours(5).map((colour) => {
      const [red = 0, green = 0, blue = 0] = (colour.match(/\d+|[0-9a-f]{2}/gi) ?? []).map((part) =>
        colour.startsWith('#') ? Number.parseInt(part, 16) : Number(part),
      );
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    });
    expect([...lightness].sort((a, b) => a - b)).toEqual(lightness);
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
    const svg = await toSvg(epochChart(CHART));
    const withoutText = svg.replaceAll(/<text[^>]*>[^<]*<\/text>/g, '');
    expect(toPng(svg).equals(toPng(withoutText))).toBe(false);
  });
});

it('a chart is saved as SVG and as PNG of twice the size, in a folder that it makes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-charts-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const files = await saveChart(epochChart(CHART), join(folder, 'new', 'run'));
  expect(files).toEqual({ svg: join(folder, 'new', 'run.svg'), png: join(folder, 'new', 'run.png') });
  const svg = readFileSync(files.svg, 'utf8');
  const png = readFileSync(files.png);
  expect(png.subarray(0, 8)).toEqual(PNG_SIGNATURE);
  const [, width = '0', height = '0'] = svg.match(/width="([\d.]+)" height="([\d.]+)"/) ?? [];
  expect(sizeOf(png)).toEqual([2 * Number(width), 2 * Number(height)]);
});
