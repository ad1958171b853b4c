// Data as JSON that keeps every number.
// Knows no data.

/** JSON, in which numbers that it does not have, NaN and infinite ones, are texts: a loss, a weight and a half-life can be such. */
export function toJson(value: unknown, indent?: number): string {
  const named = (_: string, one: unknown): unknown =>
    typeof one === 'number' && !Number.isFinite(one) ? `${one}` : one;
  return JSON.stringify(value, named, indent);
}
