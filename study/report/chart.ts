// What a chart of the report is.
// Draws nothing.

import type { TopLevelSpec } from 'vega-lite';

/** A chart with what it shows. */
export interface Chart {
  /** File name without ending. */
  readonly name: string;
  /** One or two sentences below it. */
  readonly caption: string;
  readonly spec: TopLevelSpec;
}
