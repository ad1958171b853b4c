// docs/features.json as two pages: the rows that tell libraries apart, and the whole table with its notes and sources.
// Holds no knowledge of its own; test/project/documents.test.ts holds the pages, and writes them anew.

/** One thing that a library may do. */
export interface Feature {
  readonly name: string;
  /** The row that one beginning with "…" goes on from. */
  readonly under?: string;
  /** Its name in the short table, if it is there. */
  readonly brief?: string;
  readonly yes?: readonly string[];
  /** Libraries that do it in part, and which part. */
  readonly inPart?: Readonly<Record<string, string>>;
  /** Libraries in which it cannot arise. */
  readonly none?: readonly string[];
  readonly remarks?: Readonly<Record<string, string>>;
  /** Tests of ours: a file below test/ without its ending, then the test. */
  readonly tests?: readonly string[];
}

/** All of docs/features.json. */
export interface Features {
  readonly libraries: readonly string[];
  /** Those of the short table. */
  readonly brief: readonly string[];
  readonly groups: readonly { readonly title: string; readonly rows: readonly Feature[] }[];
  readonly remarks: readonly string[];
  readonly notHere: readonly { readonly what: string; readonly who: string; readonly why: string }[];
  readonly sources: readonly { readonly name: string; readonly version: string; readonly files: string }[];
}

const OURS = 'tfjs-ema';
const LEGEND =
  '● yes, ○ in part, blank no, – does not arise there (it keeps a second model or plain values, or has no such type).';

/** docs/features.md: what differs between libraries, at a glance. */
export function briefPage(features: Features): string {
  const { brief, libraries } = features;
  const rows = allRows(features).filter((row) => row.brief !== undefined);
  return page([
    '# Features',
    'Where libraries for averages of weights differ.',
    LEGEND,
    `What nearly all have (a decay per step, a warm-up, checkpoints), ${libraries.length - brief.length} more libraries, the notes to ○, the versions that were read and the test of each row of ours are in [the whole table](features-all.md).`,
    'Both pages are generated from [features.json](features.json).',
    '',
    ...table(
      ['', ...brief],
      rows.map((row) => [row.brief ?? '', ...brief.map((library) => mark(row, library))]),
      brief,
    ),
    '',
    'What others have and tfjs-ema has not is in the table too; [why](features-all.md#what-others-have-that-does-not-make-sense-here).',
  ]);
}

/** docs/features-all.md: every row, every library, notes, sources. */
export function wholePage(features: Features): string {
  const { libraries, groups, remarks, notHere, sources } = features;
  const rows = groups.flatMap(({ title, rows }) => [
    [`**${title}**`, ...libraries.map(() => ''), ''],
    ...rows.map((row) => [row.name, ...libraries.map((library) => mark(row, library)), row.tests?.join('; ') ?? '']),
  ]);
  return page([
    '# All features',
    `What tfjs-ema can do beside ${libraries.length - 1} other implementations of weight averaging; generated from [features.json](features.json), the short form is [features.md](features.md).`,
    'The others were read in their sources, in the versions listed at the end; where a library is a whole trainer, only its averaging was, so that blank cells about files and logs say nothing of its trainer.',
    LEGEND,
    'The last column names the test of ours: a file below `test/` without its ending, then the test.',
    '',
    ...table(['', ...libraries, 'test'], rows, libraries),
    '',
    '## Notes to ○',
    ...allRows(features).flatMap(note),
    '',
    ...remarks,
    '',
    '## Rows that no other library has',
    ...allRows(features)
      .filter((row) => isOnlyOurs(row))
      .map((row) => `- ${fullName(row)}`),
    '',
    '## What others have that does not make sense here',
    ...table(
      ['what', 'who', 'why not here'],
      notHere.map(({ what, who, why }) => [what, who, why]),
    ),
    '',
    '## Sources',
    ...table(
      ['library', 'version', 'files read'],
      sources.map(({ name, version, files }) => [name, version, files]),
    ),
  ]);
}

const allRows = ({ groups }: Features) => groups.flatMap(({ rows }) => rows);
const page = (lines: readonly string[]) => `${lines.join('\n')}\n`;
const fullName = ({ name, under }: Feature) => (under === undefined ? name : `${under} ${name}`);

function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  centred: readonly string[] = [],
): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`.replaceAll('  ', ' ');
  return [
    line(head),
    `|${head.map((title) => (centred.includes(title) ? ':-:|' : '---|')).join('')}`,
    ...rows.map(line),
  ];
}

function mark({ yes = [], inPart = {}, none = [] }: Feature, library: string): string {
  if (yes.includes(library)) return '●';
  if (Object.hasOwn(inPart, library)) return '○';
  return none.includes(library) ? '–' : '';
}

function isOnlyOurs({ yes = [], inPart = {} }: Feature): boolean {
  return yes.includes(OURS) && yes.length === 1 && Object.keys(inPart).length === 0;
}

/** What a library does instead, libraries that do the same together. */
function note(row: Feature): string[] {
  const byText = new Map<string, string[]>();
  for (const [library, text] of Object.entries({ ...row.inPart, ...row.remarks })) {
    byText.set(text, [...(byText.get(text) ?? []), library]);
  }
  if (byText.size === 0) return [];
  const parts = [...byText].map(([text, libraries]) => `${libraries.join(', ')}: ${text}`);
  return [`- **${fullName(row)}**. ${parts.join('; ')}.`];
}
