// The typed contract of the compiled addon (native/addon.cc): what it exports, and what each name promises.
// Convenience lives in src/; test/native/binding.test.ts holds these names against the binary.

/** Names of the operations that this copy of the addon has registered in TensorFlow. */
export interface OpNames {
  /** `(weights: N * float32; rows: int; zero_rows: int) -> arena: float32[]` — copies the weights into each of the first `rows` rows; zeroes the `zero_rows` that follow. */
  readonly create: string;
  /**
   * `(arena: float32[], alpha: int32[K] | int32[N * K], weights: N * float32; compensated: bool) -> ()` — moves every shadow in place.
   * `alpha` holds the bits of float32 numbers; per weight, the K values of one weight stand together.
   */
  readonly update: string;
  /**
   * `(arena: float32[], coefficients: int32[2 * rows], alpha: int32[K] | int32[N * K], weights: N * float32; compensated: bool) -> N * float32`
   * — fresh tensors with the shapes of `weights`: the sum of coefficients times rows as they would be after an update with `alpha`, which is
   * not made; added up in float64 and rounded once. Coefficients are the bits of float64 numbers, one for each row, low parts included; at most
   * 32 averages have others than 0. A row whose coefficient is 0 is not looked at, and alpha 0 looks at no weight. Coefficient 1 alone gives the
   * row to the bit. A low part without its high part takes alpha 0.
   */
  readonly read: string;
  /** `(arena: float32[], row: int32[], values: N * float32) -> ()` — overwrites a row in place. */
  readonly write: string;
  /**
   * `(arena: float32[], alpha: int32[K], ahead: int32[K], from: int32[], weights: N * float32; compensated: bool) -> float32[N, K, 8]` — see
   * `STATISTICS` in src/engine/statistics.ts: of the averages as they would be after an update with `ahead`, which is not made; what would
   * not move by the next one, with `alpha`; and how far they are from average `from`.
   */
  readonly stats: string;
}

/** What registration found; printed by `doctor` and by `engineReason`. */
export interface Registration {
  readonly ops: OpNames;
  /** Version of the TensorFlow library that the ops live in, such as "2.21.0". */
  readonly tensorflow: string;
  /** Path of the loaded TensorFlow library. */
  readonly tensorflowPath: string;
  /** Devices with a kernel: always "CPU"; "GPU" when the CUDA driver's functions were found. */
  readonly devices: readonly ('CPU' | 'GPU')[];
  /** Why there is no "GPU" among the devices; empty otherwise. */
  readonly gpuReason: string;
}

/** Facts about the binary itself; need no TensorFlow. */
export interface BuildInfo {
  readonly version: string;
  /** Instruction set that the CPU kernel chose at load. */
  readonly cpuKernel: 'baseline' | 'avx2' | 'neon';
  /** Most threads that one update may use. */
  readonly threads: number;
  readonly compiler: string;
}

/**
 * Passes of the update op that the kernel of each device has carried out in this process since the addon was loaded; on a GPU,
 * whose launch was accepted. An update is one pass for all weights that share their alphas. {@link lerp} does not count.
 */
export interface UpdateCounts {
  readonly CPU: number;
  readonly GPU: number;
}

/** Registers the ops in the TensorFlow that tfjs-node has loaded; the second call returns the first one's result. Throws when TensorFlow or a symbol is missing: the message names it. */
export function register(): Registration;

/** Facts about this binary. */
export function buildInfo(): BuildInfo;

/** Where updates have really run: the difference of two calls tells which device those in between ran on. */
export function updateCounts(): UpdateCounts;

/**
 * Sets how many threads one update may use; 1 keeps it on the calling thread.
 * @param threads 1 to 64; 0 restores the default (the machine's cores, at most 8).
 */
export function setThreads(threads: number): void;

/**
 * Runs one update of the CPU kernel on plain arrays, for tests and `doctor`: shadows[k] += alpha[k] * (weight - shadows[k]), in place.
 * @param weight float32, any length.
 * @param shadows K arrays as long as `weight`; with `compensated` 2K: K high parts, then K low parts.
 * @param alpha K float32 numbers in [0, 1].
 */
export function lerp(weight: Float32Array, shadows: Float32Array[], alpha: Float32Array, compensated: boolean): void;
