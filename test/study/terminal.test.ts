// Tables, durations and the rewritten line.

import { Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { describe, expect, it, vi } from 'vitest';
import { formatBar, formatDuration, formatTable, Progress } from '../../tools/shared/terminal.js';

/** A stream that keeps what is written to it. */
class Sink extends Writable {
  written = '';
  constructor(
    readonly isTTY: boolean,
    readonly columns: number,
  ) {
    super();
  }
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written += chunk.toString();
    done();
  }
}

function progressOn(isTTY: boolean, columns = 80): { progress: Progress; sink: Sink } {
  const sink = new Sink(isTTY, columns);
  return { progress: new Progress(sink as unknown as WriteStream), sink };
}

describe('a table', () => {
  it('sets numbers right, words left, and leaves a column without a title unruled', () => {
    const columns = [{ title: 'weights', align: 'left' }, { title: 'loss' }, { title: '', align: 'left' }] as const;
    expect(
      formatTable(columns, [
        ['raw', '1.25'],
        ['an average', '10.5', '<- best'],
      ]),
    ).toBe(['weights     loss', '----------  ----', 'raw         1.25', 'an average  10.5  <- best'].join('\n'));
  });

  it('without rows is its head', () => {
    expect(formatTable([{ title: 'a' }], [])).toBe('a\n-');
  });
});

it.each([
  [0, '0 s'],
  [59.4, '59 s'],
  [59.6, '1:00 min'],
  [65, '1:05 min'],
  [3599.7, '1:00:00 h'],
  [3723, '1:02:03 h'],
])('%d seconds are written %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

it('a bar fills from left to right and never overflows', () => {
  expect(formatBar(0, 10)).toBe(`[${' '.repeat(20)}]`);
  expect(formatBar(5, 10)).toBe(`[${'='.repeat(10)}${' '.repeat(10)}]`);
  expect(formatBar(11, 10)).toBe(`[${'='.repeat(20)}]`);
  expect(formatBar(0, 0)).toBe(`[${' '.repeat(20)}]`);
});

describe('progress', () => {
  it('where output is not a terminal consists of the lines that stay', () => {
    const { progress, sink } = progressOn(false);
    progress.update('working');
    progress.log('done');
    progress.clear();
    expect(sink.written).toBe('done\n');
  });

  it('on a terminal shows a line, cut to its width, and removes it before a line that stays', () => {
    const { progress, sink } = progressOn(true, 10);
    progress.update('a long line of work');
    expect(sink.written).toBe('a long li');
    progress.log('done');
    expect(sink.written).toMatch(/^a long li.*done\n$/);
    expect(sink.written).toContain('\u001b[2K');
  });

  it('on a terminal is not drawn more often than eyes can follow', () => {
    const { progress, sink } = progressOn(true);
    const clock = vi.spyOn(performance, 'now').mockReturnValue(1000);
    progress.update('first');
    clock.mockReturnValue(1010);
    progress.update('second');
    expect(sink.written).toBe('first');
    clock.mockReturnValue(2000);
    progress.update('third');
    expect(sink.written).toMatch(/^first.*third$/);
    clock.mockRestore();
  });
});
