// The tests that docs/features.json names: where each lies, and how vitest runs it alone.
// Runs nothing, and knows no library.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { filesBelow } from '../tensorflow/project.mjs';

/**
 * A test as rows name it, `decay: scale with the batch`: the file below test/ without its ending, then the test's name or a part of it.
 * @returns the file below the root, and the part of the name.
 * @throws where no file has it, or more than one.
 */
export function locate(root, named) {
  const [, file = '', name = ''] = /^(.*?): (.*)$/s.exec(named) ?? [];
  const written = [name, name.replaceAll("'", "\\'")];
  const found = filesBelow(root, 'test').filter(
    (path) =>
      basename(path) === `${file}.test.ts` &&
      written.some((text) => text !== '' && readFileSync(join(root, path), 'utf8').includes(text)),
  );
  const [path] = found;
  if (path !== undefined && found.length === 1) return { file: path, name };
  throw new Error(`'${named}': expected one test file with this name in it, found ${found.join(', ') || 'none'}`);
}

/** What vitest's option -t needs to run tests whose names hold one of these texts. */
export function pattern(names) {
  return names.map((name) => name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|');
}

/**
 * Faults of test/native/faults/features.mjs, each with the test that must catch it.
 * @param rows of docs/features.json.
 * @returns for each fault its row and the test as the row names it: `test` of the fault, or the row's only one.
 * @throws where a row is none of those, or does not name that test.
 */
export function assigned(rows, faults) {
  return faults.map((fault) => {
    const { tests = [] } = rows.find(({ name }) => name === fault.row) ?? {};
    const named = fault.test ?? (tests.length === 1 ? tests[0] : undefined);
    if (tests.includes(named)) return { ...fault, named };
    throw new Error(`'${fault.row}': a fault needs one of its tests, ${JSON.stringify(tests)}, not ${named}`);
  });
}
