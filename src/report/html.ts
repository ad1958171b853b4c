// A page of HTML that loads nothing: its frame, and how text goes into it.
// Knows no report.

const STYLE = `
body { font: 16px/1.5 "Open Sans", Helvetica, Arial, sans-serif; color: #222; max-width: 66rem; margin: 2.5rem auto; padding: 0 1.2rem }
pre { font: 12.5px/1.45 ui-monospace, Menlo, Consolas, monospace; overflow-x: auto }
figure { margin: 1.8rem 0 } figure svg { max-width: 100%; height: auto }
`;

/** What a page shows. */
export interface Page {
  /** As text. */
  readonly title: string;
  /** Rules beyond those of every page. @defaultValue none */
  readonly style?: string;
  /** Its parts as HTML. */
  readonly body: readonly string[];
}

/** The page. */
export function htmlPage({ title, style = '', body }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}${style}</style>
</head>
<body>
${body.join('\n')}
</body>
</html>
`;
}

/** Text as HTML, also within quotes. */
export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
