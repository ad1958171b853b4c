// The version of this package, where a bundle has no package.json to ask.
// Holds nothing else; test/unit/base/version.test.ts holds it against package.json.

/** Version of this package. */
export const VERSION = '0.1.0';
