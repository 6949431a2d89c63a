import { messageOf, Rejected } from '../../../domain/errors.js';
import { audited, type RecordBootstrap } from '../../../telemetry/bootstrap-audit.js';
import type { ApplyPorts } from './apply.js';
import { fullId } from './entries.js';
import { revokeToken } from './revoke.js';
import type { Rotation, RotationStep } from './rotation.js';
import { confirmStored, type Made, makeSuccessor, regenerate, requireWorking } from './succession.js';
import { markOfToken, tokenComment } from './token-mark.js';
import { commentToken } from './writes.js';

export interface RotatePorts extends Omit<ApplyPorts, 'declared'> {
  declared: ApplyPorts['declared'];
  record: RecordBootstrap;
}

export type RotationStepResult =
  | { step: RotationStep; result: 'done' | 'skipped' }
  | { step: RotationStep; result: 'failed'; error: string };

export interface Rotated {
  steps: RotationStepResult[];
  /** The full id of the token that stands for the declaration now. */
  current: string;
  /** What is not as it should be though everything was done, in words: rights too much, a secret that was left behind. */
  remarks: string[];
}

/**
 * Does one rotation. A failure stops what rests on it and nothing else; whatever was done by then, there is a token that
 * works in the sink, except after a regeneration whose secret could not be stored.
 */
export async function rotateToken(rotation: Rotation, ports: RotatePorts, signal: AbortSignal): Promise<Rotated> {
  const { token } = rotation.standing;
  let current = token;
  let isNewMissing = false;
  const steps: RotationStepResult[] = [];
  const remarks: string[] = [];
  const keep = ({ token: made, remarks: said }: Made) => {
    current = made;
    remarks.push(...said);
  };
  const perform = async (step: RotationStep): Promise<void> => {
    const named = { ...token, name: step.name, family: familyOfStep(step.name, token.family ?? token.name) };
    switch (step.do) {
      case 'discard':
        remarks.push(...(await revokeToken(named, 'its secret was never stored', ports, signal)));
        return;
      case 'confirm':
        return keep(await confirmStored(named, ports, signal));
      case 'succeed':
        return keep(await makeSuccessor(named, ports, signal));
      case 'regenerate':
        return keep(await regenerate(named, ports, signal));
      case 'supersede':
        return supersede(named.owner, step, ports, signal);
      case 'revoke':
        await requireWorking(current, ports, signal);
        remarks.push(...(await revokeToken(named, `${fullId(current)} has taken its place`, ports, signal)));
        return;
      default:
        return step satisfies never;
    }
  };
  for (const step of rotation.steps) {
    signal.throwIfAborted();
    // What a new token was to take the place of stays as it is where there is no new one.
    if (isNewMissing && (step.name === token.name || step.do === 'discard')) {
      steps.push({ step, result: 'skipped' });
      continue;
    }
    try {
      await perform(step);
      steps.push({ step, result: 'done' });
    } catch (error) {
      signal.throwIfAborted();
      if (step.do !== 'revoke' && step.do !== 'supersede') isNewMissing = true;
      steps.push({ step, result: 'failed', error: messageOf(error) });
    }
  }
  return { steps, current: fullId(current), remarks };
}

function familyOfStep(name: string, declared: string): string | undefined {
  return name === declared ? undefined : declared;
}

async function supersede(
  owner: string,
  { name, revokeAfter }: { name: string; revokeAfter: number },
  { client, observed, record }: RotatePorts,
  signal: AbortSignal,
): Promise<void> {
  const seen = observed.owners.get(owner)?.tokens.get(name);
  const mark = seen && markOfToken(seen.comment);
  if (!seen || !mark) throw new Rejected(`${fullId({ owner, name })} is not marked as ours any more`);
  const words = seen.comment.slice(0, seen.comment.length - tokenComment('', mark).length).trimEnd();
  const comment = tokenComment(words, { ...mark, revokeAfter });
  const what = { action: 'token.supersede', target: 'proxmox' as const, name: fullId({ owner, name }) };
  await audited(record, { ...what, after: { revokeAfter: new Date(revokeAfter).toISOString() } }, () =>
    commentToken(client, { owner, name }, comment, signal),
  );
}
