import type { WriteStream } from 'node:tty';
import pc from 'picocolors';
import type { StepResult } from './play.js';
import type { Step } from './script.js';

/** Where the timeline is written. */
export interface Screen {
  line(text?: string): void;
  heading(text: string): void;
  /** Rows of a name and what it stands for. */
  facts(rows: readonly (readonly [string, string])[]): void;
  begin(number: number, step: Step): void;
  end(result: StepResult, log: () => string[]): void;
  verdict(ok: boolean, text: string): void;
}

const INDENT = ' '.repeat(4);
const TIME_WIDTH = 12;

/** Colours and cut lines on a terminal, plain and whole text elsewhere. */
export function createScreen(stream: WriteStream | NodeJS.WritableStream): Screen {
  const terminal = 'isTTY' in stream && stream.isTTY ? stream : undefined;
  const paint = pc.createColors(terminal !== undefined && pc.isColorSupported);
  const line = (text = '') => void stream.write(`${text}\n`);
  const cut = (text: string, used = 0) => {
    const room = Math.max(40, terminal?.columns ?? 120) - used;
    return text.length > room ? `${text.slice(0, room - 1)}…` : text;
  };

  function ended(result: StepResult): void {
    const mark = result.ok ? 'ok' : 'NOT OK';
    const time = `${mark} ${result.seconds.toFixed(2)} s`.padEnd(TIME_WIDTH);
    const [first, ...rest] = result.sightings.map(({ where, seen, ok }) => {
      const text = `${where.padEnd(9)}${seen}`;
      return ok ? text : paint.red(text);
    });
    line(`${INDENT}${(result.ok ? paint.green : paint.red)(time)}  ${first ?? ''}`.trimEnd());
    for (const text of rest) line(`${INDENT}${' '.repeat(TIME_WIDTH)}  ${text}`);
  }

  function failed(result: StepResult, log: () => string[]): void {
    for (const { where, expected, seen } of result.sightings.filter(({ ok }) => !ok)) {
      line(paint.red(`${INDENT}expected in ${where}: ${expected}`));
      line(paint.red(`${INDENT}seen instead: ${seen}`));
    }
    if (result.problem) line(paint.red(`${INDENT}${result.problem}`));
    const lines = log();
    line(`${INDENT}Entramox's log ${lines.length > 0 ? 'ends with:' : 'has nothing new'}`);
    for (const text of lines) line(paint.dim(`${INDENT}  ${text}`));
  }

  return {
    line,
    heading: (text) => line(paint.bold(text)),
    facts(rows) {
      for (const [name, text] of rows) line(`  ${paint.dim(name.padEnd(10))}${text}`);
    },
    begin(number, { name, happens }) {
      line();
      line(`${paint.bold(`${String(number).padStart(2)}  ${name}`)}`);
      line(`${INDENT}${paint.dim(happens)}`);
    },
    end(result, log) {
      for (const text of result.lines) line(`${INDENT}${paint.cyan('|')} ${cut(text, INDENT.length + 2)}`);
      ended(result);
      if (result.note) line(`${INDENT}${paint.dim(`then: ${result.note}`)}`);
      if (!result.ok) failed(result, log);
    },
    verdict: (ok, text) => line((ok ? paint.green : paint.red)(paint.bold(text))),
  };
}
