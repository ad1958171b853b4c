// The figures of one weight beside its averages: their names, and how they are computed on the host.
// Judges nothing; the native engine computes the same in native/cpu/ema_cpu_statistics.cc and native/cuda/ema_statistics_device.h.

/**
 * Figures of one weight `w` and one average `s_k`, in the order of the last dimension of what `Shadows.statistics` gives:
 * `|w|`, `|s_k|`, `|w - s_k|`, the cosine between them (0 where either is 0), the largest `|w - s_k|` of an element, elements of `w` that
 * are NaN or infinite, elements that differ from `w` and yet do not move under alpha (the dead zone), and the distance of `s_k` from the
 * average that drift is measured from.
 */
export const STATISTICS = [
  'weightNorm',
  'averageNorm',
  'distance',
  'cosine',
  'maxDistance',
  'nonFinite',
  'deadZone',
  'drift',
] as const;

/** One of {@link STATISTICS}. */
export type Statistic = (typeof STATISTICS)[number];

/** What one weight is compared with. */
export interface Comparison {
  readonly weight: ArrayLike<number>;
  readonly average: ArrayLike<number>;
  /** What compensation keeps beside `average`; undefined in float32. */
  readonly low: ArrayLike<number> | undefined;
  /** The average that drift is measured from; undefined where it is this one. */
  readonly from: ArrayLike<number> | undefined;
  /** Alpha of the update that comes next, rounded to float32. */
  readonly alpha: number;
}

/**
 * The figures of one weight and one average, sums in double, in the order of {@link STATISTICS}.
 *
 * By numbers and not by tfjs ops: a sum of float32 squares loses digits with the size of the weight, and the dead zone is a matter of single
 * roundings.
 */
export function compare({ weight, average, low, from, alpha }: Comparison): readonly number[] {
  let [weights, averages, products, distances, drifts, largest, nonFinite, dead] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < weight.length; i += 1) {
    const w = weight[i] ?? Number.NaN;
    const s = average[i] ?? Number.NaN;
    weights += w * w;
    averages += s * s;
    products += w * s;
    distances += (w - s) ** 2;
    // Never a NaN.
    const gap = Math.abs(Math.fround(w - s));
    if (gap > largest) largest = gap;
    if (!Number.isFinite(w)) nonFinite += 1;
    if (w !== s && !moves(w, { high: s, low: low?.[i] }, alpha)) dead += 1;
    if (from !== undefined) drifts += (s - (from[i] ?? Number.NaN)) ** 2;
  }
  const [weightNorm, averageNorm] = [Math.sqrt(weights), Math.sqrt(averages)];
  const norms = weightNorm * averageNorm;
  const cosine = norms > 0 ? products / norms : 0;
  return [weightNorm, averageNorm, Math.sqrt(distances), cosine, largest, nonFinite, dead, Math.sqrt(drifts)];
}

/** Whether an element of an average changes by an update: the roundings are those of the JavaScript engine. */
function moves(
  weight: number,
  { high, low }: { readonly high: number; readonly low: number | undefined },
  alpha: number,
): boolean {
  const { fround } = Math;
  if (alpha === 0) return false;
  if (alpha === 1) return weight !== high || (low ?? 0) !== 0;
  if (low === undefined) return fround(high + fround(alpha * fround(weight - high))) !== high;
  const step = fround(low + fround(alpha * fround(fround(weight - high) - low)));
  const sum = fround(high + step);
  const stepPart = fround(sum - high);
  return sum !== high || fround(fround(high - fround(sum - stepPart)) + fround(step - stepPart)) !== low;
}
