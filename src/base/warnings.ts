// What a user should know but that stops nothing: collected, and handed on once each.
// Writes no messages.

/** Receives each new warning. */
export type WarningHandler = (message: string) => void;

/** The name under which Node reports our warnings; `node --disable-warning=TfjsEmaWarning` silences them. */
const WARNING_TYPE = 'TfjsEmaWarning';

/** Node's own channel for warnings; a page's is its console. */
function emitWarning(message: string): void {
  if (typeof process !== 'undefined' && typeof process.emitWarning === 'function') {
    process.emitWarning(message, { type: WARNING_TYPE });
  } else if (typeof console !== 'undefined') {
    console.warn(`${WARNING_TYPE}: ${message}`);
  }
}

/** The same, in this turn. */
function emitAtOnce(message: string): void {
  if (typeof process === 'undefined' || typeof process.emit !== 'function') emitWarning(message);
  else process.emit('warning', Object.assign(new Error(message), { name: WARNING_TYPE }));
}

/** A list of warnings without repetitions. */
export class Warnings {
  readonly #messages: string[] = [];
  readonly #keys = new Set<string>();
  readonly #handler: WarningHandler;

  /** @param handler receives each warning once. @defaultValue `process.emitWarning`, in a browser `console.warn` */
  constructor(handler: WarningHandler = emitWarning) {
    this.#handler = handler;
  }

  /** All warnings so far, oldest first. */
  get messages(): readonly string[] {
    return this.#messages;
  }

  /** Adds a warning where the process may end at once: `process.emitWarning` waits for a turn that may not come. */
  addAtOnce(message: string): void {
    this.#tell(message, message, this.#handler === emitWarning ? emitAtOnce : this.#handler);
  }

  /**
   * Adds a warning, unless it was given before.
   * @param key what it is about, where figures in the message differ each time. @defaultValue the message
   */
  add(message: string, key = message): void {
    this.#tell(message, key, this.#handler);
  }

  #tell(message: string, key: string, handler: WarningHandler): void {
    if (this.#keys.has(key)) return;
    this.#keys.add(key);
    this.#messages.push(message);
    handler(message);
  }
}
