// How commands print what they found: columns with headings on a terminal; elsewhere a line per row, separated by tabs, for programs; or JSON.
// Knows no command.

import { printable } from '../base/argument.js';
import { toJson } from '../base/json.js';

/** Rows of one kind. */
export interface Table {
  /** The first cell of each of its rows where they go to a program. */
  readonly name: string;
  /** Headings; none for pairs of a name and a value. */
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/**
 * Tables as text.
 * @param isForPeople aligned and with headings; else each row begins with the table's name, and nothing but tabs is between its cells.
 */
export function textOf(tables: readonly Table[], isForPeople: boolean): string {
  const filled = tables.filter(({ rows }) => rows.length > 0);
  const lines = isForPeople ? filled.flatMap(aligned) : filled.flatMap(tabbed);
  return lines.map((line) => `${line}\n`).join('');
}

function tabbed({ name, head, rows }: Table): string[] {
  return rows.map((row) => [...(head.length === 0 ? [] : [name]), ...row.map(cellOf)].join('\t'));
}

function aligned({ head, rows }: Table, index: number): string[] {
  const all = [...(head.length === 0 ? [] : [head]), ...rows].map((row) => row.map(cellOf));
  // One by one: a call takes no hundred thousand arguments.
  const widths = (all[0] ?? []).map((_, column) =>
    all.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), 0),
  );
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return index === 0 ? lines : ['', ...lines];
}

/** What `--json` prints. */
export function jsonOf(found: unknown): string {
  return `${toJson(found, 2)}\n`;
}

function cellOf(cell: string | number): string {
  return printable(typeof cell === 'number' && !Number.isInteger(cell) ? cell.toPrecision(6) : `${cell}`);
}
