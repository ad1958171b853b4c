// What programs of the study write to a terminal: tables, durations, one line that is rewritten while work goes on.
// Knows nothing of training.

import { clearLine, cursorTo } from 'node:readline';
import type { WriteStream } from 'node:tty';

/** A column of a table. */
export interface Column {
  readonly title: string;
  /** @defaultValue `'right'`, as numbers are read */
  readonly align?: 'left' | 'right';
}

/**
 * A table as text: a head, a rule, the rows; columns two spaces apart. A column without a title is for remarks.
 * @param rows one string per column; a missing one is left empty.
 */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, index) => {
        const cell = cells[index] ?? '';
        const width = widths[index] ?? 0;
        return align === 'left' ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd();
  const rule = line(columns.map(({ title }, index) => (title === '' ? '' : '-'.repeat(widths[index] ?? 0))));
  return [line(columns.map(({ title }) => title)), rule, ...rows.map(line)].join('\n');
}

/** Seconds as people say them: `8 s`, `1:05 min`, `1:02:03 h`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number): string => `${value}`.padStart(2, '0');
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${two(whole % 60)} min`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)} h`;
}

/** A share of work done as a bar of 20 characters. */
export function formatBar(done: number, total: number): string {
  const full = Math.round((20 * Math.min(done, total)) / Math.max(total, 1));
  return `[${'='.repeat(full)}${' '.repeat(20 - full)}]`;
}

/** Shortest time between two versions of the rewritten line, in ms: faster than an eye reads is only work. */
const REDRAW_MS = 200;

/**
 * Writes lines that stay, and on a terminal one line below them that is rewritten. Where output is not a terminal (a file,
 * a pipe, CI) only the lines that stay are written.
 */
export class Progress {
  readonly #stream: WriteStream;
  #lastDraw = Number.NEGATIVE_INFINITY;
  #drawn = false;

  /** @param stream where to write. @defaultValue standard output */
  constructor(stream: WriteStream = process.stdout) {
    this.#stream = stream;
  }

  /** Shows the state of the work in the rewritten line, cut to the terminal's width. */
  update(text: string): void {
    if (!this.#stream.isTTY) return;
    const now = performance.now();
    if (now - this.#lastDraw < REDRAW_MS) return;
    this.#lastDraw = now;
    this.#erase();
    this.#stream.write(text.slice(0, Math.max(0, (this.#stream.columns || 80) - 1)));
    this.#drawn = true;
  }

  /** Writes a line that stays. */
  log(text = ''): void {
    this.#erase();
    this.#stream.write(`${text}\n`);
  }

  /** Removes the rewritten line. */
  clear(): void {
    this.#erase();
  }

  #erase(): void {
    if (!this.#drawn) return;
    clearLine(this.#stream, 0);
    cursorTo(this.#stream, 0);
    this.#drawn = false;
  }
}
