// Writing a file so that at every moment, and after any crash, it is the old one or the new one; and reading one whole.
// Knows nothing of what the file holds.

import { codeOf, EmaError, messageOf } from '../base/errors.js';
import { basename, createHash, dirname, fileSystem, hostname, join, randomHex, resolve } from './node.js';

/** An open file, as `node:fs/promises` opens it. */
export interface OpenFile {
  write(bytes: Uint8Array, offset: number, length: number): Promise<{ readonly bytesWritten: number }>;
  read(bytes: Uint8Array, offset: number, length: number): Promise<{ readonly bytesRead: number }>;
  chmod(mode: number): Promise<void>;
  stat(): Promise<FileFacts>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What is asked of a file. */
export interface FileFacts {
  readonly size: number;
  readonly mode: number;
  readonly mtimeMs: number;
  isFile(): boolean;
}

/** The functions of `node:fs/promises` that are used; tests give some that fail. */
export interface FileSystem {
  open(path: string, flags: 'r' | 'wx', mode?: number): Promise<OpenFile>;
  stat(path: string): Promise<FileFacts>;
  realpath(path: string): Promise<string>;
  readdir(path: string): Promise<string[]>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  mkdir(path: string, options: { readonly recursive: true }): Promise<string | undefined>;
}

/** One call writes or reads at most this much: the system's own limit is 2 GiB. */
const MAX_CALL_BYTES = 1 << 26;
/** What file systems answer that cannot make a folder durable; there is nothing to be done about it. */
const NO_FOLDER_SYNC: readonly string[] = ['EINVAL', 'ENOTSUP', 'ENOSYS'];
/** Modification times may come from another machine's clock, or a coarse one. */
const CLOCK_TOLERANCE_MS = 2000;

const CLOSE_FILES = 'Close files, or allow more open ones (ulimit -n).';
/** The fix, by what the system said. */
const WRITE_HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'Make room, or save elsewhere.',
  EDQUOT: 'Make room, or save elsewhere.',
  EACCES: 'Choose a folder that this user may write to.',
  EPERM: 'Choose a folder that this user may write to.',
  EROFS: 'Choose a folder on a disk that can be written.',
  ENOENT: 'Make the folder first.',
  EMFILE: CLOSE_FILES,
  ENFILE: CLOSE_FILES,
};
const READ_HINTS: Readonly<Record<string, string>> = {
  ENOENT: 'Check the path.',
  EACCES: 'Let this user read it.',
  EPERM: 'Let this user read it.',
  EMFILE: CLOSE_FILES,
  ENFILE: CLOSE_FILES,
};

/** Files of this process that nobody writes any more. */
const abandoned = new Set<string>();

/**
 * Writes a file atomically: into a temporary one in the same folder, which is made durable, takes the file's name, and whose
 * folder is made durable. Temporary files that dead or failed writers left in the folder are removed.
 *
 * A link is followed; the permissions of an existing file are kept.
 * @param path the file.
 * @param pieces its bytes, in order.
 * @param fs the file system. @defaultValue `node:fs/promises`
 * @throws {@link EmaError} CHECKPOINT — with the system's error as `cause`. The file is as before, unless the message says that
 *   only the folder's durability is in doubt.
 */
export async function writeAtomically(
  path: string,
  pieces: Iterable<Uint8Array>,
  fs: FileSystem = fileSystem(),
): Promise<void> {
  const target = await step(path, 'resolving it', () => resolveLink(path, fs));
  const mode = await step(path, 'looking at it', () => modeOf(target, fs));
  const names = { prefix: `.${basename(target).slice(0, 40)}.`, suffix: '.tmp' };
  await removeStale(dirname(target), names, { fs });
  const temporary = join(dirname(target), ownName(names));
  const file = await step(path, 'making a temporary file', () => fs.open(temporary, 'wx', mode ?? 0o666));
  try {
    await step(path, 'writing', () => writeAndClose(file, pieces, mode));
    await step(path, 'renaming the temporary file', () => fs.rename(temporary, target));
  } catch (error) {
    await discard(temporary, fs);
    throw error;
  }
  await syncFolder(path, dirname(target), fs);
}

/**
 * Writes new files durably, all of them or none. Nobody else writes to their names, which {@link ownName} made, and nobody reads them before
 * a file that is written atomically names them.
 * @param folder where.
 * @param files their bytes, by name.
 * @param fs the file system. @defaultValue `node:fs/promises`
 * @throws {@link EmaError} CHECKPOINT — with the system's error as `cause`; none of them is there.
 */
export async function writeOwn(
  folder: string,
  files: ReadonlyMap<string, Iterable<Uint8Array>>,
  fs: FileSystem = fileSystem(),
): Promise<void> {
  const made: string[] = [];
  try {
    for (const [name, pieces] of files) {
      const path = join(folder, name);
      const file = await step(path, 'making it', () => fs.open(path, 'wx', 0o666));
      made.push(path);
      await step(path, 'writing', () => writeAndClose(file, pieces, undefined));
    }
    await step(folder, 'making it durable', () => syncEntries(folder, fs));
  } catch (error) {
    for (const path of made) await discard(path, fs);
    throw error;
  }
}

/** Removes a file that nobody needs. Should that fail, it is tried again by the next write: an earlier error is the one to report. */
export async function discard(path: string, fs: FileSystem = fileSystem()): Promise<void> {
  const isGone = await fs.unlink(path).then(
    () => true,
    (error: unknown) => codeOf(error) === 'ENOENT',
  );
  if (isGone) abandoned.delete(path);
  else abandon(path);
}

/** Says that nobody writes a file any more, though this process lives: {@link removeStale} removes it once it is not needed. */
export function abandon(path: string): void {
  abandoned.add(path);
}

/**
 * All bytes of a file, however large.
 * @param path the file.
 * @param fs the file system. @defaultValue `node:fs/promises`
 * @throws {@link EmaError} CHECKPOINT — with the system's error as `cause`.
 */
export async function readWhole(path: string, fs: FileSystem = fileSystem()): Promise<Uint8Array> {
  try {
    const file = await fs.open(path, 'r');
    try {
      return await readAll(file);
    } finally {
      await file.close();
    }
  } catch (cause) {
    const hint = READ_HINTS[codeOf(cause)] ?? 'Check the path, and the disk.';
    throw new EmaError('CHECKPOINT', `${path}: expected to read it, but: ${messageOf(cause)}. ${hint}`, { cause });
  }
}

/**
 * Makes a folder, and those above it, durably; one that exists is left as it is.
 * @param fs the file system. @defaultValue `node:fs/promises`
 * @throws {@link EmaError} CHECKPOINT — with the system's error as `cause`.
 */
export async function makeFolder(path: string, fs: FileSystem = fileSystem()): Promise<void> {
  const whole = resolve(path);
  const first = await step(path, 'making the folder', () => fs.mkdir(whole, { recursive: true }));
  if (first === undefined) return;
  // Each new folder is an entry in the one above it.
  for (let made = whole; made.length >= first.length; made = dirname(made)) await syncFolder(path, dirname(made), fs);
}

async function readAll(file: OpenFile): Promise<Uint8Array> {
  const facts = await file.stat();
  if (!facts.isFile()) throw new Error('it is not a file');
  const bytes = new Uint8Array(facts.size);
  let at = 0;
  while (at < bytes.length) {
    const { bytesRead } = await file.read(bytes, at, Math.min(MAX_CALL_BYTES, bytes.length - at));
    if (bytesRead === 0) throw new Error(`it ended after ${at} of ${bytes.length} bytes`);
    at += bytesRead;
  }
  return bytes;
}

/** Runs one step of a write; its failure leaves the file as it was. */
async function step<T>(path: string, what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    const hint = WRITE_HINTS[codeOf(cause)] ?? 'Save again, or elsewhere.';
    throw new EmaError(
      'CHECKPOINT',
      `${path}: expected to write it, but ${what} failed: ${messageOf(cause)}. Nothing was changed. ${hint}`,
      { cause },
    );
  }
}

/** A link's target, so that the link stays one. */
async function resolveLink(path: string, fs: FileSystem): Promise<string> {
  return (await unlessMissing(() => fs.realpath(path))) ?? path;
}

/** Permissions of an existing file. */
async function modeOf(path: string, fs: FileSystem): Promise<number | undefined> {
  const facts = await unlessMissing(() => fs.stat(path));
  if (facts === undefined) return undefined;
  if (!facts.isFile()) throw new Error('something that is not a file has its name');
  return facts.mode & 0o777;
}

async function unlessMissing<T>(run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function writeAndClose(file: OpenFile, pieces: Iterable<Uint8Array>, mode: number | undefined): Promise<void> {
  try {
    // The mode given to open is reduced by the umask.
    if (mode !== undefined) await file.chmod(mode);
    for (const piece of pieces) await writePiece(file, piece);
    await file.sync();
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
  // Network file systems report only here that a write failed.
  await file.close();
}

async function writePiece(file: OpenFile, piece: Uint8Array): Promise<void> {
  let at = 0;
  while (at < piece.length) {
    const { bytesWritten } = await file.write(piece, at, Math.min(MAX_CALL_BYTES, piece.length - at));
    if (bytesWritten === 0) throw new Error(`only ${at} of ${piece.length} bytes could be written`);
    at += bytesWritten;
  }
}

/** Makes a rename durable. */
async function syncFolder(path: string, folder: string, fs: FileSystem): Promise<void> {
  try {
    await syncEntries(folder, fs);
  } catch (cause) {
    throw new EmaError(
      'CHECKPOINT',
      `${path}: the new file is complete and in place, but making its folder durable failed: ${messageOf(cause)}. ` +
        'After a power cut the old file may be back: save again.',
      { cause },
    );
  }
}

/** Makes the names in a folder durable. Windows cannot open one, and needs not: there a rename is logged. */
async function syncEntries(folder: string, fs: FileSystem): Promise<void> {
  if (process.platform === 'win32') return;
  try {
    const file = await fs.open(folder, 'r');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!NO_FOLDER_SYNC.includes(codeOf(error))) throw error;
  }
}

/** What the names of files have in common that are one writer's own. */
export interface OwnNames {
  readonly prefix: string;
  readonly suffix: string;
}

/** A new name: it tells the machine and the process, because process ids mean nothing on another machine. */
export function ownName({ prefix, suffix }: OwnNames): string {
  return `${prefix}${machine()}.${process.pid}.${randomHex(6)}${suffix}`;
}

function machine(): string {
  return createHash().update(hostname()).digest('hex').slice(0, 8);
}

/**
 * Removes what dead and failed writers left. Nothing depends on it: what cannot be removed now, the next write tries again.
 * @param names those of this kind only.
 * @param options `keep`: names of files that are needed.
 */
export async function removeStale(
  folder: string,
  { prefix, suffix }: OwnNames,
  { keep = [], fs = fileSystem() }: { readonly keep?: readonly string[]; readonly fs?: FileSystem } = {},
): Promise<void> {
  const begin = `${prefix}${machine()}.`;
  const names = await fs.readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(begin) || !name.endsWith(suffix) || keep.includes(name)) continue;
    const [, pid] = /^(\d+)\.[0-9a-f]{12}$/.exec(name.slice(begin.length, name.length - suffix.length)) ?? [];
    if (pid === undefined) continue;
    const path = join(folder, name);
    if (!abandoned.has(path) && !(await isStale(path, Number(pid), fs))) continue;
    const isGone = await fs.unlink(path).then(
      () => true,
      () => false,
    );
    if (isGone) abandoned.delete(path);
  }
}

/**
 * Whether the writer of a file is dead. In a container every run can have the same process id: there a file from
 * before this process began is a dead one's.
 */
async function isStale(path: string, pid: number, fs: FileSystem): Promise<boolean> {
  if (pid !== process.pid) return !isRunning(pid);
  const facts = await fs.stat(path).catch(() => undefined);
  return facts !== undefined && facts.mtimeMs < performance.timeOrigin - CLOCK_TOLERANCE_MS;
}

function isRunning(pid: number): boolean {
  try {
    // Signal 0 is not sent: it only asks whether the process exists.
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
