// The live page: buttons, charts, and a table of the numbers, around a training.
// Knows tfjs by its name only: what trains is fetched when somebody starts it.

import { lineChart } from './chart.js';
import { BACKENDS, DECAYS, EPOCHS } from './settings.js';
import type { Progress, Scores, Training } from './training.js';
import './live.css';

const SERIES = ['raw weights', ...DECAYS.map((decay) => `average ${decay}`)];

function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  text: string,
  attributes: Readonly<Record<string, string>> = {},
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

/**
 * Shows all of it.
 * @returns to be called when the page is left: it ends the training.
 */
export function show(root: HTMLElement): () => void {
  const start = element('button', 'Train', { type: 'button', class: 'primary' });
  const save = element('button', 'Save the best average', { type: 'button', hidden: '' });
  const choice = element('select', '', { 'aria-label': 'backend' });
  choice.append(...BACKENDS.map((name) => element('option', name, { value: name })));
  const said = element('p', 'It takes a minute or two, and may make your device warm.', {
    class: 'said',
    'aria-live': 'polite',
  });
  const losses = lineChart({
    title: 'Validation loss, by epoch',
    series: SERIES,
    epochs: EPOCHS,
    format: (value) => value.toFixed(2),
  });
  const accuracies = lineChart({
    title: 'Validation accuracy, by epoch',
    series: SERIES,
    epochs: EPOCHS,
    format: percent,
  });
  const body = element('tbody', '');
  const bar = element('div', '', { class: 'bar' });
  bar.append(start, choice, save);
  const charts = element('div', '', { class: 'charts' });
  charts.append(losses.element, accuracies.element);
  const legend = element('table', '', { class: 'numbers' });
  const head = element('thead', '');
  head.append(row(['', 'loss', 'accuracy', 'best loss so far'].map((title) => element('th', title))));
  legend.append(head, body);
  root.replaceChildren(bar, said, charts, legend);

  let scores: Scores[][] = [];
  const draw = (): void => {
    const of = (name: keyof Scores) =>
      SERIES.map((_, index) => scores.map((epoch) => epoch[index]?.[name] ?? Number.NaN));
    losses.draw(of('loss'));
    accuracies.draw(of('accuracy'));
    const rows = SERIES.map((name, index) => numbers(name, index, scores));
    body.replaceChildren(...rows);
  };
  draw();

  let training: Training | undefined;
  const tell = ({ epoch, backend, speed, share, scores: latest }: Progress): void => {
    scores.push([...latest]);
    const averaging = share === undefined ? '' : `, averaging takes ${percent(share)} of the time`;
    said.textContent = `Epoch ${epoch} of ${EPOCHS} on ${backend}: ${speed.toFixed(0)} steps a second${averaging}.`;
    draw();
  };
  const run = async (): Promise<void> => {
    if (training !== undefined) {
      training.stop();
      return;
    }
    scores = [];
    draw();
    save.hidden = true;
    said.textContent = 'Fetches TensorFlow.js and the images ...';
    try {
      start.disabled = true;
      const { train } = await import('./training.js');
      const chosen = BACKENDS.find((name) => name === choice.value) ?? 'cpu';
      const own = await train(chosen, tell);
      training = own;
      said.textContent = `Trains on ${chosen} ...`;
      [start.textContent, start.disabled] = ['Stop', false];
      await own.ended;
      save.hidden = scores.length === 0;
      save.onclick = () => void own.save();
    } catch (error) {
      said.textContent = `It ended: ${error instanceof Error ? error.message : error}`;
    } finally {
      training = undefined;
      [start.textContent, start.disabled] = ['Train again', false];
    }
  };
  start.onclick = () => void run();
  return () => training?.stop();
}

function row(cells: readonly HTMLElement[]): HTMLTableRowElement {
  const made = document.createElement('tr');
  made.append(...cells);
  return made;
}

/** The line of one series: its latest numbers, and the best loss that it had. */
function numbers(name: string, index: number, scores: readonly (readonly Scores[])[]): HTMLTableRowElement {
  const own = scores.flatMap((epoch) => epoch[index] ?? []);
  const latest = own.at(-1);
  const cells =
    latest === undefined
      ? ['–', '–', '–']
      : [latest.loss.toFixed(3), percent(latest.accuracy), Math.min(...own.map(({ loss }) => loss)).toFixed(3)];
  const title = element('th', name, { scope: 'row' });
  title.prepend(element('span', '', { class: `mark live-${index}` }));
  return row([title, ...cells.map((text) => element('td', text, { class: 'number' }))]);
}
