// SIMULATED account agent: `main.ts STATE_FILE`. Speaks the account agent's protocol on stdin and stdout, one JSON
// object a line, and keeps its accounts in the state file alone. No account of this machine is read or changed.
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { homesIn } from './homes.js';
import { Refusal } from './refusal.js';
import { parseRequest, requestId } from './request.js';
import { NOTICE, readState, writeState } from './state.js';
import { act } from './verbs.js';

const LONGEST_LINE_BYTES = 65_536;

async function main(file: string): Promise<void> {
  process.stderr.write(`${NOTICE}\n`);
  for await (const line of createInterface({ input: process.stdin })) {
    const tooLong = Buffer.byteLength(line) > LONGEST_LINE_BYTES;
    const reply = tooLong ? refused(null, new Refusal('invalid', 'the line is too long')) : answer(file, line);
    process.stdout.write(`${JSON.stringify(reply)}\n`);
    if (tooLong) break;
  }
}

/** The state is read for every request, so that whoever runs the simulation may change it in between. */
function answer(file: string, line: string): unknown {
  let id: number | null = null;
  try {
    const value: unknown = JSON.parse(line);
    id = requestId(value);
    const request = parseRequest(value);
    const state = readState(file);
    const result = act({ state, homes: homesIn(dirname(file)), now: Date.now() }, request);
    if (request.verb !== 'observe') writeState(file, state);
    return { id, ok: true, result };
  } catch (error) {
    return refused(id, error);
  }
}

function refused(id: number | null, error: unknown): unknown {
  if (error instanceof Refusal) {
    const { code, message, remedy } = error;
    return { id, ok: false, error: remedy === undefined ? { code, message } : { code, message, remedy } };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { id, ok: false, error: { code: error instanceof SyntaxError ? 'invalid' : 'failed', message } };
}

const [file] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write('usage: main.ts STATE_FILE\n');
  process.exitCode = 2;
} else {
  await main(file);
}
