// Least squares with coefficients that add up to 1, from inner products.
// Knows nothing of averages.

/**
 * Added to the square of each vector's size, as a part of it: vectors that are nearly the same get moderate coefficients instead of huge ones
 * of opposite signs, at an error of 1e-5 of a vector, and no system is singular. Averages in float32 are not more exact.
 */
const RIDGE = 1e-10;

/**
 * The combination that is nearest to a vector.
 * @param gram inner products of the vectors, each of a size above 0.
 * @param wanted their inner products with the vector.
 */
export function nearest(gram: readonly (readonly number[])[], wanted: readonly number[]): readonly number[] {
  // Of size 1 each: those of short memory are longer by orders of magnitude.
  const scales = gram.map((row, i) => 1 / Math.sqrt(row[i] ?? 1));
  const scaled = gram.map((row, i) => {
    return row.map((product, j) => (i === j ? 1 + RIDGE : product * (scales[i] ?? 1) * (scales[j] ?? 1)));
  });
  const factor = cholesky(scaled);
  const free = solved(
    factor,
    wanted.map((product, i) => product * (scales[i] ?? 1)),
  );
  const along = solved(factor, scales);
  const sumOf = (parts: readonly number[]): number => parts.reduce((sum, part, i) => sum + part * (scales[i] ?? 1), 0);
  const lack = (1 - sumOf(free)) / sumOf(along);
  return free.map((part, i) => (part + lack * (along[i] ?? 0)) * (scales[i] ?? 1));
}

/** The lower factor of a positive definite matrix. */
function cholesky(matrix: readonly (readonly number[])[]): readonly Float64Array[] {
  const factor: Float64Array[] = [];
  for (const row of matrix) {
    const own = new Float64Array(matrix.length);
    factor.forEach((other, j) => {
      own[j] = ((row[j] ?? 0) - dot(own, other, j)) / (other[j] ?? 1);
    });
    const i = factor.length;
    own[i] = Math.sqrt((row[i] ?? 0) - dot(own, own, i));
    factor.push(own);
  }
  return factor;
}

function solved(factor: readonly Float64Array[], right: readonly number[]): readonly number[] {
  const result = Float64Array.from(right);
  factor.forEach((row, i) => {
    result[i] = ((result[i] ?? 0) - dot(row, result, i)) / (row[i] ?? 1);
  });
  for (let i = factor.length - 1; i >= 0; i -= 1) {
    let rest = result[i] ?? 0;
    for (let j = i + 1; j < factor.length; j += 1) rest -= (factor[j]?.[i] ?? 0) * (result[j] ?? 0);
    result[i] = rest / (factor[i]?.[i] ?? 1);
  }
  return [...result];
}

/** Of the first numbers of both. */
function dot(a: Float64Array, b: Float64Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i += 1) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
