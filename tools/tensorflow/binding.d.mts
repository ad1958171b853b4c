// The types of binding.mjs for the TypeScript that compiles with the same compiler.
// Declares only what is used from there.

/** The C++ compiler: `$CXX`, else the first of the usual names; undefined when there is none. */
export function findCompiler(): string | undefined;
