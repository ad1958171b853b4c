// The links of Markdown: those that lead to files of the repository, changed to the addresses of the site.
// Knows no file.

/** Blocks and spans of code, which hold no links. */
const CODE = /(```[\s\S]*?```|`[^`\n]*`)/;
/** What comes before the target of a link, the target, what ends it: Markdown, then HTML. */
const LINKS = [/(\]\()([^)\s]+)([^)]*\))/g, /(<(?:img|a)\b[^>]*?\b(?:src|href)=")([^"]+)(")/g];

/** The text with each of its links changed; those to other hosts and within the page stay. */
export function withLinks(text: string, change: (path: string) => string): string {
  const changed = (target: string) => {
    if (/^([a-z]+:|#)/.test(target)) return target;
    const [path = '', anchor] = target.split('#');
    return change(path) + (anchor === undefined ? '' : `#${anchor}`);
  };
  return LINKS.reduce((done, pattern) => {
    // The parts at odd places are code.
    const parts = done.split(CODE).map((part, index) => {
      if (index % 2 === 1) return part;
      return part.replace(
        pattern,
        (_, before: string, target: string, after: string) => before + changed(target) + after,
      );
    });
    return parts.join('');
  }, text);
}

/** The name by which GitHub's pages reach a heading; ours do the same, so that a link serves both. */
export function anchorOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}
