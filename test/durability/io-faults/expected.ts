// What a failed save must say, and what is in a folder.
// Fails nothing.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The fix that the message of a failed write ends with. */
export const WAYS_OUT: Readonly<Record<string, RegExp>> = {
  ENOSPC: /Make room, or save elsewhere\.$/,
  EDQUOT: /Make room, or save elsewhere\.$/,
  EACCES: /Choose a folder that this user may write to\.$/,
  EROFS: /Choose a folder on a disk that can be written\.$/,
  EMFILE: /Close files, or allow more open ones \(ulimit -n\)\.$/,
  EIO: /Save again, or elsewhere\.$/,
  EINTR: /Save again, or elsewhere\.$/,
};

/** The fix that any message ends with. */
export function fix(message: string, code: string): RegExp {
  if (/complete and in place/.test(message)) return /After a power cut the old file may be back: save again\.$/;
  // A model's folder is read first: its old weights must not be written over.
  if (/expected to read it/.test(message))
    return /(Let this user read it|Close files.*|Check the path, and the disk)\.$/;
  return WAYS_OUT[code] ?? /^$/;
}

/** Every file of a folder, by name. */
export const filesOf = (of: string): Readonly<Record<string, string>> =>
  Object.fromEntries(readdirSync(of).map((name) => [name, readFileSync(join(of, name), 'base64')]));
