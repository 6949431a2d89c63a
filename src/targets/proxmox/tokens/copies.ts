import { messageOf, Rejected } from '../../../domain/errors.js';
import type { ApplyPorts } from './apply.js';
import type { TokenDeclaration } from './declaration.js';
import { fullId } from './entries.js';
import type { TokenStep } from './plan.js';
import { requireReady } from './ready-sink.js';
import { storeProved } from './sinks/store-proved.js';
import type { Standing } from './standing.js';

/** Of a secret that works, what it takes until each of its places has it. */
export interface Copies {
  steps: TokenStep[];
  /** Places that could not be looked into. */
  remarks: string[];
}

/**
 * The places that lack a secret which another one has: one was declared later, or a run died between two. Reads only.
 * What does not work is nothing to be copied; that is a conflict of its own.
 */
export async function missingCopies(standings: readonly Standing[], openSink: ApplyPorts['openSink']): Promise<Copies> {
  const steps: TokenStep[] = [];
  const remarks: string[] = [];
  for (const { token, secret } of standings) {
    const sink = openSink(token.sink);
    if (secret?.state !== 'valid' || sink.parts.length < 2) continue;
    const stored = await sink.read();
    if (!stored) continue;
    const places: string[] = [];
    for (const part of sink.parts) {
      try {
        if (!(await part.has(stored))) places.push(part.place);
      } catch (error) {
        remarks.push(`whether ${part.place} has the secret of ${fullId(token)} is not known: ${messageOf(error)}`);
      }
    }
    if (places.length > 0) steps.push({ do: 'secret.copy', declaration: token, places });
  }
  return { steps, remarks };
}

/** Stores the secret of a token that works where it is missing. Throws Rejected where a place does not take it. */
export async function copySecret(
  token: TokenDeclaration,
  places: readonly string[],
  openSink: ApplyPorts['openSink'],
): Promise<void> {
  const sink = openSink(token.sink);
  const stored = await sink.read();
  const id = fullId(token);
  if (stored?.['full-tokenid'] !== id) throw new Rejected(`${sink.place} does not hold the secret of ${id} any more`);
  for (const part of sink.parts.filter(({ place }) => places.includes(place))) {
    await requireReady(token, part);
    await storeProved(part, stored);
  }
}
