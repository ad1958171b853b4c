// The King James Bible as one text of 4.4 million characters (1611, in the public domain), a verse a line.
// Reads the copy in Debian's bible-kjv-text by its own tool; package-file.ts gets both.

import { join } from 'node:path';
import type { Say } from './fashion-mnist-files.js';
import { packageFile } from './package-file.js';

/**
 * The text without the names of its verses.
 * @throws {@link DataError} it cannot be had, or is another text.
 */
export async function loadBible(say: Say = () => {}): Promise<string> {
  const bytes = await packageFile(
    {
      title: 'The King James Bible',
      name: 'bible',
      packages: ['bible-kjv', 'bible-kjv-text'],
      command: (root) => [join(root, 'usr/bin/bible'), '-f', '-p', join(root, 'usr/lib'), 'gen1:1-rev22:21'],
      sha256: 'cd45f0c9cedab8e4439bd6486c8952c77cc8b0ecc5d1f6ae3513f2039f47229d',
    },
    say,
  );
  return bytes.toString('latin1').replaceAll(/^\S+ /gm, '');
}
