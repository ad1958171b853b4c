// What a command is given without a name: paths, and the name of an average.
// Reads no option.

/** Of a command line that cannot be meant: the command's usage is shown with it. */
export class UsageError extends Error {}

/**
 * Exactly the operands that a command takes.
 * @param names what they are called in its usage.
 * @throws {@link UsageError} others.
 */
export function operands<const Names extends readonly string[]>(
  given: readonly string[],
  names: Names,
): { readonly [Place in keyof Names]: string } {
  if (given.length !== names.length || given.includes(''))
    throw new UsageError(`expected ${names.join(' ')}, received ${given.length} of ${names.length}`);
  // As many strings as names: counted above.
  return given as unknown as { readonly [Place in keyof Names]: string };
}
