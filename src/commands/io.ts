import pc from 'picocolors';

/** Where a command writes, so that tests can read along. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** Standard output is a terminal: colours and progress make sense. */
  terminal: boolean;
}

export const processIo: Io = {
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
  terminal: process.stdout.isTTY === true,
};

/** Colours on a terminal, plain text elsewhere. */
export function colours(io: Io): ReturnType<typeof pc.createColors> {
  return pc.createColors(io.terminal);
}
