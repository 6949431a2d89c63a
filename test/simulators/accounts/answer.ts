import type { Homes } from './homes.js';
import { Refusal } from './refusal.js';
import { parseRequest, type Request, requestId } from './request.js';
import type { SimulatedState } from './state.js';
import { act } from './verbs.js';

const LONGEST_LINE_BYTES = 65_536;

/** The machine that requests are carried out on. */
export interface Machine {
  /** Read for every request, so that whoever runs the simulation may change it in between. */
  read(): SimulatedState;
  write(state: SimulatedState): void;
  homes: Homes;
  /** Epoch ms. */
  now(): number;
  /** Sees every request that is well formed, before it is carried out; a Refusal that it throws is the answer. */
  onRequest?: ((request: Request) => void) | undefined;
}

/** The reply to one line; `last`: the conversation ends with it. */
export function answerLine(machine: Machine, line: string): { reply: unknown; last: boolean } {
  if (Buffer.byteLength(line) > LONGEST_LINE_BYTES) {
    return { reply: refused(null, new Refusal('invalid', 'the line is too long')), last: true };
  }
  let id: number | null = null;
  try {
    const value: unknown = JSON.parse(line);
    id = requestId(value);
    const request = parseRequest(value);
    machine.onRequest?.(request);
    const state = machine.read();
    const result = act({ state, homes: machine.homes, now: machine.now() }, request);
    if (request.verb !== 'observe') machine.write(state);
    return { reply: { id, ok: true, result }, last: false };
  } catch (error) {
    return { reply: refused(id, error), last: false };
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
