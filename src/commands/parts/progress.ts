import type { Io } from '../io.js';

/** Says how far a long command is: one rewritten line on a terminal, plain lines elsewhere. */
export interface Progress {
  tell(text: string, done?: number, all?: number): void;
  end(): void;
}

const PLAIN_EVERY_MS = 5000;

export function progressOn(io: Io, now: () => number = Date.now): Progress {
  let phase = '';
  let toldAt = 0;
  return {
    tell(text, done, all) {
      const line = all === undefined ? text : `${text} ${done}/${all}`;
      if (io.terminal) {
        process.stderr.write(`\r\u001b[2K${line}`);
      } else if (text !== phase || (all !== undefined && now() - toldAt >= PLAIN_EVERY_MS)) {
        io.err(line);
        toldAt = now();
      }
      phase = text;
    },
    end() {
      if (io.terminal && phase) process.stderr.write('\r\u001b[2K');
      phase = '';
    },
  };
}
