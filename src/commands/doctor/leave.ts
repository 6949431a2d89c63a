const LOOK_MS = 200;

/**
 * Ends this process soon, with the exit code that is set by then and after everything was written. A look-up of a name
 * that hangs in the C library, or a connection whose other side is silent, cannot be called off and would hold it up.
 */
export function leaveSoon(): void {
  setInterval(() => {
    if (process.stdout.writableLength === 0 && process.stderr.writableLength === 0) process.exit();
  }, LOOK_MS).unref();
}
