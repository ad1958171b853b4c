// Names of findings' places, and the headings by which other documents link to them: `f2`, `f2-prime`, `f2-letters`, `p1-heat`.
// Formats nothing else.

import type { Finding } from '../findings/index.js';

/** Where a finding was measured: the course or condition that it is about, or the domain. */
export function placeOf(domain: string, { condition }: Pick<Finding, 'condition'>): string {
  return condition ?? domain;
}

/** The heading of a finding. That of the images has no place. */
export function headingOf(domain: string, finding: Pick<Finding, 'id' | 'condition'>): string {
  const place = placeOf(domain, finding);
  return `${finding.id.replace("'", ' prime')} ${place === 'images' ? '' : place}`.trim();
}

/** The anchor of that heading. */
export function anchorOf(domain: string, finding: Pick<Finding, 'id' | 'condition'>): string {
  return headingOf(domain, finding).toLowerCase().replaceAll(' ', '-');
}
