/** Resolves with the first SIGTERM or SIGINT; a second one ends the process at once. */
export function untilSignalled(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => {
        if (asked) process.exit(1);
        asked = true;
        resolve(name);
      });
    }
  });
}

/** Ends the process with this code after `ms`, should an orderly stop hang; does not keep it alive by itself. */
export function exitAtLatest(ms: number, code: number): void {
  setTimeout(() => process.exit(code), ms).unref();
}
