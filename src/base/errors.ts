// The one error class and its codes; the text of what others throw.
// Messages are written where the error is thrown: expected, for which option, received, fix.

/** Why an {@link EmaError} was thrown. */
export type EmaErrorCode =
  /** An option or argument is outside its range or of the wrong type. */
  | 'INVALID_ARGUMENT'
  /** The method needs `attach(model)` first. */
  | 'NOT_ATTACHED'
  /** The average is attached to another model, or attached twice. */
  | 'ALREADY_ATTACHED'
  /** The model has no weights yet (not built). */
  | 'MODEL_NOT_BUILT'
  /** The method needs a layers model, and variables were attached. */
  | 'NO_LAYERS_MODEL'
  /** The model changed its weights (added, removed, other shape) after `attach`. */
  | 'MODEL_CHANGED'
  /** A weight of the model was disposed. */
  | 'WEIGHT_DISPOSED'
  /** Averages stand in the model's place: the operation would ruin them or the weights. */
  | 'SWAPPED_IN'
  /** The average was disposed. */
  | 'DISPOSED'
  /** `engine: 'native'` was asked for and cannot run here. */
  | 'ENGINE_UNAVAILABLE'
  /** An update failed half-way or on the device: the shadows can no longer be trusted. */
  | 'POISONED'
  /** TensorFlow or the driver reported a failure. */
  | 'NATIVE_FAILURE'
  /** Weights hold NaN or infinite numbers, and the option `nonFinite` is `'throw'`; where `reset` would copy them, also with `'skip'`. */
  | 'NON_FINITE'
  /** A gradient is being taken: it would run through an average that stands in the place of the weights. */
  | 'IN_GRADIENT'
  /** Callbacks cannot be combined in this way. */
  | 'CALLBACK_MISUSE'
  /** What is needed only for this is not there: a package, such as vega for plots, or Node's files. */
  | 'MISSING_PACKAGE'
  /** A file or folder cannot be read or written, or a checkpoint is damaged, of another version, or of another model. */
  | 'CHECKPOINT';

/** Every error that tfjs-ema throws on purpose. */
export class EmaError extends Error {
  override readonly name = 'EmaError';
  /** What went wrong, for programs. */
  readonly code: EmaErrorCode;

  /**
   * @param code what went wrong, for programs.
   * @param message what was expected, what was received, and the fix, for people.
   * @param options `cause`: the error underneath.
   */
  constructor(code: EmaErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The text of whatever was thrown. By its shape: errors of another realm, as in test runners, are no instances of our Error. */
export function messageOf(thrown: unknown): string {
  return textOf(thrown, 'message') ?? String(thrown);
}

/** The code of a system error; empty where there is none. */
export function codeOf(thrown: unknown): string {
  return textOf(thrown, 'code') ?? '';
}

function textOf(thrown: unknown, name: string): string | undefined {
  const value: unknown = typeof thrown === 'object' && thrown !== null ? Reflect.get(thrown, name) : undefined;
  return typeof value === 'string' ? value : undefined;
}
