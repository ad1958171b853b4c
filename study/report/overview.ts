// Every claim of a study at a glance: its marks by place, what is not met, and effects over kinds of data; for the page docs/evidence.md.
// Judges nothing.

import type { Verdict } from '../findings/criteria.js';
import { formatDifference, formatLevel, readable } from '../findings/format.js';
import { type Finding, ORDER } from '../findings/index.js';
import { anchorOf, placeOf } from './anchors.js';
import type { Section, StudyDescription } from './description.js';
import { figureOf, ours } from './table.js';

const MARKS: Readonly<Record<Verdict, string>> = {
  met: '●',
  missed: '✕',
  open: '○',
  reported: '–',
  'does not apply': '–',
  'not enough data': '–',
  'not measured': '–',
};

interface Placed {
  readonly domain: string;
  readonly finding: Finding;
}

/** A claim and where it was looked at. */
interface Claim {
  readonly id: string;
  readonly title: string;
  readonly kind: Finding['kind'];
  readonly places: readonly Placed[];
}

/** Of one name may be two claims: an effect, and that there is none where none is expected. */
function claimsOf(sections: readonly Section[]): Claim[] {
  const all = sections.flatMap(({ domain, findings }) => findings.map((finding) => ({ domain: domain.id, finding })));
  return ORDER.flatMap((id) => {
    const here = all.filter(({ finding }) => finding.id === id);
    const titles = [...new Set(here.map(({ finding }) => finding.title))];
    return titles.map((title) => {
      const places = here.filter(({ finding }) => finding.title === title);
      return { id, title, kind: places[0]?.finding.kind ?? 'effect', places };
    });
  });
}

/** Marks of each claim by place. */
export function atAGlance(sections: readonly Section[]): string[] {
  const claims = claimsOf(sections);
  const rows = (kind: Finding['kind']): string[] =>
    claims
      .filter((claim) => claim.kind === kind)
      .map(({ id, title, places }) => {
        const marks = places
          .filter(({ finding }) => finding.ours !== null)
          .map(({ domain, finding }) => {
            return `${MARKS[finding.verdict]} [${ours(finding)}](#${anchorOf(domain, finding)}) ${placeOf(domain, finding)}`;
          });
        return `| ${id} | ${cell(title)} | ${marks.join('<br>')} |`;
      });
  return [
    '## At a glance',
    'The first figure of each finding, and what became of its criterion: ● met, ✕ missed (figures lie surely elsewhere), ○ open (not met, and not surely missed: intervals are too wide to tell, or single seeds fail), – not judged, or about nothing there.',
    'A criterion may ask for more than the figure that is shown, and of different places it asks different things: each finding has its own below.',
    '',
    '| | what averaging changes | |',
    '|---|---|---|',
    ...rows('effect'),
    '',
    '| | what changes nothing, or costs little | |',
    '|---|---|---|',
    ...rows('no harm'),
    '',
  ];
}

/** What criteria asked for and the runs do not show, claim by claim, with the figure that failed: a reader must not have to search for it. */
export function notMet(sections: readonly Section[]): string[] {
  const lines = claimsOf(sections).flatMap(({ id, title, places }) => {
    const failed = places.filter(({ finding }) => finding.holds === false);
    if (failed.length === 0) return [];
    const met = places.filter(({ finding }) => finding.holds === true).length;
    return [
      `- **${id}** ${title}: met in ${met} of ${met + failed.length} ${met + failed.length === 1 ? 'place' : 'places'}.`,
      ...failed.map((place) => `  - ${failure(place)}`),
    ];
  });
  return lines.length === 0 ? [] : ['## What is not met', ...lines, ''];
}

function failure({ domain, finding }: Placed): string {
  const { failed = [], measures, verdict } = finding;
  const shown = measures.filter(({ name }) => failed.includes(name));
  const [first] = shown;
  const more = shown.length > 1 ? `, and ${shown.length - 1} more` : '';
  const figure = first === undefined ? '' : `: ${readable(first.name)} ${figureOf(first)}${more}`;
  return `${MARKS[verdict]} [${placeOf(domain, finding)}](#${anchorOf(domain, finding)})${figure}`;
}

/** Effects over kinds of data. */
export function overDomains(pooled: StudyDescription['pooled']): string[] {
  if (pooled.length === 0) return [];
  const rows = pooled.map(({ id, title, mean, interval, unit, between, heterogeneity, places }) => {
    const spread = `${formatLevel(between, unit)}, ${Math.round(100 * heterogeneity)} %`;
    const figure = formatDifference({ mean, interval }, unit);
    return `| ${id} | ${cell(title)} | ${figure} | ${spread} | ${places.map(({ place }) => place).join(', ')} |`;
  });
  return [
    '## Over kinds of data',
    "The first measure of each finding as one effect: a random-effects meta-analysis (Paule and Mandel's variance, Hartung and Knapp's interval). Places that share their data count as one.",
    'Beside it how much the true effects differ between places: their standard deviation, and the share of what differs that is more than chance. Where they differ much, the places say more than their mean.',
    '',
    '| | claim | effect | differs | places |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ];
}

/** Text that is safe in a table. */
export function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
