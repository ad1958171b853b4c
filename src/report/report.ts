// The report of a run: what was measured of the raw weights and every average, how far apart they are, what it cost, what is wrong.
// Measures nothing: it is given all of it.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmaError } from '../base/errors.js';
import type { DiagnosisSummary } from '../diagnosis/figures.js';
import type { EngineName } from '../engine/contract.js';
import type { Settings } from '../options/fingerprint.js';
import { halfLifeOf } from '../schedule/decay.js';
import type { BestRecord } from '../validation/bests.js';
import { type ReportChart, reportCharts } from './charts.js';
import type { ReportData, ReportedAverage, ReportedEpoch, ReportFacts } from './data.js';
import { type RenderOptions, toHtml, toPng, toSvg } from './render.js';
import { reportTable } from './table.js';

/** What {@link EmaReport.save} wrote. */
export interface SavedReport {
  /** Paths of the files. */
  readonly files: readonly string[];
  /** Why some were left out, such as a package that is not installed; empty when none was. */
  readonly leftOut: string;
}

/** The report of a run. `JSON.stringify` gives its data, `toString` a table for the terminal. */
export class EmaReport implements ReportData {
  readonly facts: ReportFacts;
  readonly averages: readonly ReportedAverage[];
  readonly epochs: readonly ReportedEpoch[];
  readonly bests: readonly BestRecord[];
  readonly diagnoses: readonly DiagnosisSummary[];
  readonly warnings: readonly string[];

  /** @internal */
  constructor({ facts, averages, epochs, bests, diagnoses, warnings }: ReportData) {
    this.facts = facts;
    this.averages = averages;
    this.epochs = epochs;
    this.bests = bests;
    this.diagnoses = diagnoses;
    this.warnings = warnings;
  }

  /** Facts, metrics by epoch, distances, drift against noise and warnings, for a terminal of 100 columns. */
  toTable(): string {
    return reportTable(this);
  }

  /** As {@link EmaReport.toTable}. */
  toString(): string {
    return this.toTable();
  }

  /**
   * The charts as vega-lite specifications, data included: for any tool that draws those. `metric-<name>` for each metric of the
   * epochs; `distance` and `signal-to-noise` where there are two diagnoses.
   */
  charts(): readonly ReportChart[] {
    return reportCharts(this);
  }

  /**
   * A chart as SVG text. It needs the packages vega and vega-lite, which are not among our dependencies.
   * @param name of one of `charts()`.
   * @throws {@link EmaError} MISSING_PACKAGE — with what to install.
   * @throws {@link EmaError} INVALID_ARGUMENT — there is no such chart; the message lists them.
   */
  async toSvg(name: string): Promise<string> {
    return toSvg(this.#chart(name).spec);
  }

  /**
   * A chart as a PNG image. It needs the packages vega, vega-lite and @resvg/resvg-js, which are not among our dependencies.
   * @param name of one of `charts()`.
   * @param options fonts, for machines without any.
   * @throws {@link EmaError} as {@link EmaReport.toSvg}
   */
  async toPng(name: string, options: RenderOptions = {}): Promise<Uint8Array> {
    return toPng(await this.toSvg(name), options);
  }

  /**
   * All of it as one HTML file that loads nothing: table, charts, and the data as JSON.
   * @throws {@link EmaError} MISSING_PACKAGE — with what to install.
   */
  async toHtml(): Promise<string> {
    const charts = this.charts();
    const pictures: string[] = [];
    for (const { spec } of charts) pictures.push(await toSvg(spec));
    return toHtml({ data: this.#data(), table: this.toTable(), pictures });
  }

  /**
   * Writes `report.json`, `report.txt` and every chart's specification into a folder; with vega and vega-lite installed also
   * `report.html` and the charts as SVG, with @resvg/resvg-js as PNG.
   * @param folder made where it does not exist.
   * @param options fonts, for machines without any.
   */
  async save(folder: string, options: RenderOptions = {}): Promise<SavedReport> {
    const files: string[] = [];
    await mkdir(folder, { recursive: true });
    const write = async (name: string, content: string | Uint8Array): Promise<void> => {
      const path = join(folder, name);
      await writeFile(path, content);
      files.push(path);
    };
    await write('report.json', `${JSON.stringify(this.#data(), undefined, 1)}\n`);
    await write('report.txt', `${this.toTable()}\n`);
    for (const { name, spec } of this.charts())
      await write(`${name}.vl.json`, `${JSON.stringify(spec, undefined, 1)}\n`);
    try {
      await write('report.html', await this.toHtml());
      for (const { name } of this.charts()) await write(`${name}.svg`, await this.toSvg(name));
      for (const { name } of this.charts()) await write(`${name}.png`, await this.toPng(name, options));
    } catch (error) {
      if (error instanceof EmaError && error.code === 'MISSING_PACKAGE') return { files, leftOut: error.message };
      throw error;
    }
    return { files, leftOut: '' };
  }

  #data(): ReportData {
    const { facts, averages, epochs, bests, diagnoses, warnings } = this;
    return { facts, averages, epochs, bests, diagnoses, warnings };
  }

  #chart(name: string): ReportChart {
    const charts = this.charts();
    const found = charts.find((chart) => chart.name === name);
    if (found !== undefined) return found;
    const names = charts.map((chart) => `'${chart.name}'`).join(', ');
    const expected = names === '' ? 'a report with validations or diagnoses, which have charts' : `one of ${names}`;
    throw new EmaError('INVALID_ARGUMENT', `name: expected ${expected}, received '${name}'.`);
  }
}

/** Averages that are reported on: a `WeightEma`. */
export interface Reported {
  readonly engine: EngineName | undefined;
  readonly engineReason: string;
  readonly steps: number;
  readonly updates: number;
  readonly updateSeconds: number;
  readonly bytes: number;
  readonly labels: readonly string[];
  readonly decays: readonly number[];
  readonly bests: readonly BestRecord[];
  readonly diagnoses: readonly DiagnosisSummary[];
  readonly warnings: readonly string[];
}

/**
 * @param settings the options on which the averages depend.
 * @param epochs what was measured after each epoch.
 */
export function reportOf(ema: Reported, settings: Settings, epochs: readonly ReportedEpoch[]): EmaReport {
  const { engine, engineReason, steps, updates, updateSeconds: seconds, bytes, decays, bests } = ema;
  return new EmaReport({
    facts: { engine, engineReason, steps, updates, seconds, bytes, settings },
    averages: ema.labels.map((label, k) => {
      const decay = decays[k] ?? Number.NaN;
      return { label, decay, halfLife: halfLifeOf(decay) };
    }),
    epochs: epochs.map(({ epoch, raw, averages }) => ({ epoch, raw, averages })),
    bests,
    diagnoses: [...ema.diagnoses],
    warnings: [...ema.warnings],
  });
}
