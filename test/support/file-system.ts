// A file system that fails where a test wants it to.
// Holds no expectations.

import * as fsPromises from 'node:fs/promises';
import type { FileSystem, OpenFile } from '../../src/disk/atomic-file.js';

/** What a call does instead of its work: throw this, or report this many bytes written after writing them. */
export type Fault = NodeJS.ErrnoException | { readonly short: number };

export function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: injected`), { code });
}

/**
 * The real file system, which logs each call, and spoils the one with this number.
 * @param forEver also all that follow: the disk is gone, or the process.
 */
export function spoiled(number: number, fault: Fault, forEver = false): { fs: FileSystem; log: string[] } {
  const log: string[] = [];
  const isDue = (name: string): boolean => {
    const place = log.push(name) - 1;
    return place === number || (forEver && place > number && number >= 0);
  };
  const call = async <T>(name: string, run: () => Promise<T>): Promise<T> => {
    if (isDue(name) && fault instanceof Error) throw fault;
    return run();
  };
  const wrap = (file: OpenFile): OpenFile => ({
    write: async (bytes, offset, length) => {
      const due = isDue('write');
      if (due && fault instanceof Error) throw fault;
      if (due && 'short' in fault && fault.short === 0) return { bytesWritten: 0 };
      return file.write(bytes, offset, due && 'short' in fault ? Math.min(fault.short, length) : length);
    },
    read: (bytes, offset, length) => call('read', () => file.read(bytes, offset, length)),
    chmod: (mode) => call('chmod', () => file.chmod(mode)),
    stat: () => call('stat file', () => file.stat()),
    sync: () => call('sync', () => file.sync()),
    // A close that reports an error has closed all the same.
    close: async () => {
      await file.close();
      await call('close', async () => undefined);
    },
  });
  const fs: FileSystem = {
    open: async (name, flags, mode) => wrap(await call(`open ${flags}`, () => fsPromises.open(name, flags, mode))),
    stat: (name) => call('stat', () => fsPromises.stat(name)),
    realpath: (name) => call('realpath', () => fsPromises.realpath(name)),
    readdir: (name) => call('readdir', () => fsPromises.readdir(name)),
    rename: (from, to) => call('rename', () => fsPromises.rename(from, to)),
    unlink: (name) => call('unlink', () => fsPromises.unlink(name)),
    mkdir: (name, options) => call('mkdir', () => fsPromises.mkdir(name, options)),
  };
  return { fs, log };
}
