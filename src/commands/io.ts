import pc from 'picocolors';

/** Where a command writes, so that tests can read along. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** Standard output is a terminal: colours and progress make sense. */
  terminal: boolean;
}

export const processIo: Io = {
  out: (text) => void process.stdout.write(`${harmless(text)}\n`),
  err: (text) => void process.stderr.write(`${harmless(text)}\n`),
  terminal: process.stdout.isTTY === true,
};

const ESCAPE = String.fromCharCode(27);
/** A colour or the end of one, behind the escape. */
const COLOUR = /^\[[\d;]{0,12}m/;

/** Control characters, what turns the text around or has no width, and what some take for the end of a line. */
const UNFIT = /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200B\u200E\u200F\u202A-\u202E\u2060-\u206F\uFEFF]/gu;

/**
 * Without what would move the cursor, clear the screen, type into the terminal or show another text than is there: names and comments come from elsewhere,
 * and Proxmox takes control characters in them. Written as JSON has them, so that JSON stays the same.
 */
export function harmless(text: string): string {
  return text.replaceAll(UNFIT, (sign, at: number) => {
    if (sign === '\n' || sign === '\t' || (sign === ESCAPE && COLOUR.test(text.slice(at + 1, at + 16)))) return sign;
    return `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Colours on a terminal, plain text elsewhere. */
export function colours(io: Io): ReturnType<typeof pc.createColors> {
  return pc.createColors(io.terminal);
}
