// A line chart that grows: one line a series, a point an epoch.
// Knows no training.

const NAMESPACE = 'http://www.w3.org/2000/svg';
const WIDTH = 360;
const HEIGHT = 220;
const MARGIN = { top: 12, right: 12, bottom: 28, left: 40 } as const;

/** What a chart shows. */
export interface ChartOptions {
  readonly title: string;
  /** Names of the series, in the order of their lines; `live-0`, `live-1` ... are their classes. */
  readonly series: readonly string[];
  /** The last epoch of the axis. */
  readonly epochs: number;
  readonly format: (value: number) => string;
}

/** A chart in the page. */
export interface Chart {
  readonly element: Element;
  /** Draws the series anew, a list of values each. */
  draw(series: readonly (readonly number[])[]): void;
}

function svg(name: string, attributes: Readonly<Record<string, string | number>>, text?: string): SVGElement {
  const element = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, `${value}`);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Round values from the smallest to the largest, three to six of them. */
function ticksOf(low: number, high: number): number[] {
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? rough;
  const count = Math.floor(high / step) - Math.ceil(low / step) + 1;
  return Array.from({ length: count }, (_, index) => (Math.ceil(low / step) + index) * step);
}

/** Makes an empty chart. */
export function lineChart({ title, series: names, epochs, format }: ChartOptions): Chart {
  const figure = document.createElement('figure');
  const caption = document.createElement('figcaption');
  caption.textContent = title;
  const plot = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': title });
  figure.append(caption, plot);
  const x = (epoch: number) => MARGIN.left + ((epoch - 1) / (epochs - 1)) * (WIDTH - MARGIN.left - MARGIN.right);

  const draw = (series: readonly (readonly number[])[]): void => {
    const values = series.flat().filter(Number.isFinite);
    const [low, high] = values.length === 0 ? [0, 1] : [Math.min(...values), Math.max(...values)];
    const room = Math.max((high - low) / 10, 1e-3);
    const [bottom, top] = [low - room, high + room];
    const y = (value: number) => MARGIN.top + ((top - value) / (top - bottom)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
    const lines = ticksOf(bottom, top).flatMap((tick) => [
      svg('line', { class: 'grid', x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: y(tick), y2: y(tick) }),
      svg('text', { x: MARGIN.left - 6, y: y(tick) + 4, 'text-anchor': 'end' }, format(tick)),
    ]);
    const epochTicks = [1, 5, 10, 15, 20].filter((epoch) => epoch <= epochs);
    const below = epochTicks.map((epoch) =>
      svg('text', { x: x(epoch), y: HEIGHT - 8, 'text-anchor': 'middle' }, `${epoch}`),
    );
    const paths = series.flatMap((list, index) => {
      const points = list.map((value, place) => `${x(place + 1).toFixed(1)},${y(value).toFixed(1)}`);
      const last = list.length === 0 ? [] : [[list.length, list.at(-1) ?? Number.NaN] as const];
      return [
        svg('polyline', { class: `live-${index}`, points: points.join(' '), 'data-series': names[index] ?? '' }),
        ...last.map(([epoch, value]) => svg('circle', { class: `live-${index}`, cx: x(epoch), cy: y(value), r: 3 })),
      ];
    });
    plot.replaceChildren(...lines, ...below, ...paths);
  };
  draw([]);
  return { element: figure, draw };
}
