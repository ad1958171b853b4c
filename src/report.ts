// `tfjs-ema/report`: a report's charts, drawn and saved.
// Holds no statements.

export type { ChartSpec, ReportChart } from './report/charts.js';
export type { ReportData } from './report/data.js';
export { chartsOf, type SavedReport, saveReport, toHtml, toPng, toSvg } from './report/drawing.js';
export type { RenderOptions } from './report/render.js';
