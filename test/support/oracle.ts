// What the averages must be, computed in float64.
// Knows neither engines nor options.

/** One average of a list of weights, in double precision. */
export class Oracle {
  readonly shadows: Float64Array[];

  /** @param initial the weights at attach. */
  constructor(initial: readonly ArrayLike<number>[]) {
    this.shadows = initial.map((values) => Float64Array.from(values));
  }

  /** `s = decay * s + (1 - decay) * w`, where `decay` covers all steps of the update. */
  update(weights: readonly ArrayLike<number>[], decay: number): void {
    this.shadows.forEach((shadow, i) => {
      const weight = weights[i] ?? [];
      for (let j = 0; j < shadow.length; j += 1) {
        const old = shadow[j] ?? 0;
        shadow[j] = old + (1 - decay) * ((weight[j] ?? 0) - old);
      }
    });
  }
}

/** The paper's decay of one update: `min(decay ** T, (t + 1) / (t + 10))`. */
export function paperDecay(decay: number, updateEvery: number, t: number): number {
  return Math.min(decay ** updateEvery, (t + 1) / (t + 10));
}

/** The distance from |x| to the next float32. */
export function ulp(x: number): number {
  const bits = new Int32Array(Float32Array.of(Math.abs(x)).buffer);
  const next = new Float32Array(Int32Array.of((bits[0] ?? 0) + 1).buffer)[0] ?? Number.NaN;
  return next - Math.fround(Math.abs(x));
}

/** The largest absolute difference; NaN where one side alone is NaN, or lengths differ. */
export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.NaN;
  let largest = 0;
  for (let i = 0; i < a.length; i += 1) {
    const x = a[i] ?? Number.NaN;
    const y = b[i] ?? Number.NaN;
    if (Object.is(x, y)) continue;
    const difference = Math.abs(x - y);
    if (Number.isNaN(difference)) return Number.NaN;
    largest = Math.max(largest, difference);
  }
  return largest;
}

/** The bits of float32 numbers, for comparisons that tell -0 from 0 and one NaN from another. */
export function bits(values: ArrayLike<number> | ArrayBufferView): Uint32Array {
  const floats = values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>);
  return new Uint32Array(floats.slice().buffer);
}

/** An element that must be there. */
export function at<T>(list: ArrayLike<T>, index: number): T {
  const element = list[index];
  if (element === undefined) throw new Error(`no element ${index} in a list of ${list.length}`);
  return element;
}
