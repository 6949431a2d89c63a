import type { Clock } from '../../../domain/clock.js';
import { Rejected } from '../../../domain/errors.js';
import type { TokenDeclaration } from './declaration.js';
import type { DeclaredSink } from './declared-sink.js';
import { expectedExpiry } from './expiry.js';
import { isNamedLike } from './family.js';
import type { Sink } from './sinks/sink.js';
import { pendingMark, type TokenMark } from './token-mark.js';

/** What a secret that is made now goes to, and what its token carries until it is there. */
export interface Preparation {
  sink: Sink;
  mark: TokenMark;
  /** Seconds since 1970; 0: never. */
  expire: number;
}

/** Before a secret is made. Throws where its place would not take it. */
export async function prepare(
  token: TokenDeclaration,
  { openSink, clock }: { openSink: (declared: DeclaredSink) => Sink; clock: Clock },
): Promise<Preparation> {
  const sink = openSink(token.sink);
  await requireReady(token, sink);
  const mark = pendingMark(token.family, clock.now());
  return { sink, mark, expire: expectedExpiry(token, mark) };
}

/** Tries, before the first write, whether a place takes the secret of the token. Throws where it would not. */
export async function requireReady(token: TokenDeclaration, sink: Sink): Promise<void> {
  await requireRoom(token, sink);
  await sink.probe();
}

/** Nothing but what was of this declaration may lie where the secret goes. */
async function requireRoom(token: TokenDeclaration, sink: Sink): Promise<void> {
  const declared = { owner: token.owner, name: token.family ?? token.name };
  for (const { place, read } of sink.parts) {
    const there = await read();
    if (!there || isNamedLike(declared, there['full-tokenid'])) continue;
    throw new Rejected(`${place} holds the secret of ${there['full-tokenid']}: move it away, or name another place`);
  }
}
