import { Busy, Conflict, Rejected } from '../../domain/errors.js';
import type { AgentFailure } from './reply.js';

/** The agent answers, and can do nothing at all until root has mended its policy or its programs. */
export class AgentBlocked extends Error {
  override readonly name = 'AgentBlocked';
  constructor(
    message: string,
    readonly blocked: NonNullable<AgentFailure['blocked']>,
  ) {
    super(message);
  }
}

/** The agent's refusal as the error that tells the reconciler what to do with the step. */
export function errorOf({ code, message, remedy, blocked }: AgentFailure): Error {
  const text = remedy === undefined ? message : `${message}; ${remedy}`;
  switch (code) {
    case 'conflict':
      return new Conflict(message, remedy ?? 'look at the account on this host');
    case 'busy':
      return new Busy(text, 5_000);
    case 'ceiling':
      return new Busy(text, 600_000);
    case 'too-early':
      return new Busy(text, 60_000);
    case 'invalid':
    case 'refused':
      return new Rejected(text);
    case 'failed':
      return blocked ? new AgentBlocked(text, blocked) : new Error(text);
    default:
      return code satisfies never;
  }
}
