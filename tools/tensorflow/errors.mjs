// The one error of the bootstrap: what is wrong here, and the fix.
// Messages are written where the error is thrown; nothing is printed here.

/** A condition of this machine that the bootstrap cannot mend by itself. */
export class BootstrapError extends Error {
  /**
   * @param {string} message what was needed and what was found.
   * @param {string} fix what to type or change.
   * @param {ErrorOptions} [options] `cause`: the error underneath.
   */
  constructor(message, fix, options) {
    super(message, options);
    this.name = 'BootstrapError';
    this.fix = fix;
  }
}

/** Turns a failure to write below `folder` into a {@link BootstrapError}; other errors pass unchanged. */
export function explainFileError(error, folder) {
  const isBelow = (path) => typeof path === 'string' && (path.startsWith(folder) || folder.startsWith(path));
  if (!isBelow(error?.path) && !isBelow(error?.dest)) return error;
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return new BootstrapError(
      `the disk of ${folder} is full (${error.code})`,
      'free some space, or set TFJS_EMA_CACHE to a folder on a larger disk',
      { cause: error },
    );
  }
  if (!['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOENT'].includes(error.code)) return error;
  return new BootstrapError(
    `cannot write to the folder ${folder} (${error.code})`,
    'set TFJS_EMA_CACHE to a folder that you can write to (and TMPDIR, if that one is named)',
    { cause: error },
  );
}
