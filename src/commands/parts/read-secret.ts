import type { ReadStream } from 'node:tty';

/** Where a secret is typed or piped in; the standard input of a process is one. */
export type SecretInput = NodeJS.ReadableStream & Partial<Pick<ReadStream, 'isTTY' | 'setRawMode'>>;

const LONGEST_CHARS = 65_536;
const CTRL_C = '\u0003';
/** Ctrl-D ends the input as well. */
const ENTER = ['\r', '\n', '\u0004'];
const RUBOUT = ['\u007f', '\b'];

/**
 * One secret: on a terminal what is typed up to Enter, which is not shown, elsewhere all of the input without its last
 * newline. Throws where it is empty, on several lines, far too long, or broken off with Ctrl-C.
 */
export async function readSecret(
  input: SecretInput,
  ask: (text: string) => void,
  what = 'client secret',
): Promise<string> {
  const text = input.isTTY ? await readTyped(input, ask, what) : await readPiped(input);
  const secret = text.replace(/\r?\n$/, '');
  if (secret.trim() === '') throw new Error(`no ${what} was given: type it, or pipe it in on standard input`);
  if (/[\r\n]/.test(secret)) throw new Error(`the ${what} must be on one line; several were given`);
  return secret;
}

async function readPiped(input: SecretInput): Promise<string> {
  let text = '';
  input.setEncoding('utf8');
  for await (const part of input) {
    text += part;
    if (text.length > LONGEST_CHARS) throw new Error(`more than ${LONGEST_CHARS} characters are no secret`);
  }
  return text;
}

function readTyped(input: SecretInput, ask: (text: string) => void, what: string): Promise<string> {
  ask(`${what}, which is not shown: `);
  input.setRawMode?.(true);
  input.setEncoding('utf8');
  let typed = '';
  let finished = false;
  return new Promise<string>((resolve, reject) => {
    const take = (text: string): void => {
      for (const char of text) {
        if (char === CTRL_C) finish(() => reject(new Error('broken off; nothing was written')));
        else if (ENTER.includes(char)) finish(() => resolve(typed));
        else typed = RUBOUT.includes(char) ? [...typed].slice(0, -1).join('') : typed + char;
        if (finished) break;
      }
    };
    const end = (): void => finish(() => resolve(typed));
    function finish(settle: () => void): void {
      finished = true;
      input.removeListener('data', take);
      input.removeListener('end', end);
      input.setRawMode?.(false);
      input.pause();
      ask('\n');
      settle();
    }
    input.on('data', take);
    input.on('end', end);
    input.resume();
  });
}
