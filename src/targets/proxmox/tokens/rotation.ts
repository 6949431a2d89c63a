import { shellQuote } from '../text.js';
import { describeSecret } from './conflicts.js';
import type { TokenDeclaration } from './declaration.js';
import { fullId } from './entries.js';
import { familyOf, type Member, nextTokenId } from './family.js';
import type { ObservedToken } from './observed.js';
import { findDue, overlapOf } from './rotation-due.js';
import type { Standing } from './standing.js';
import { secondsIso, wholeSeconds } from './token-mark.js';

/** `due`: what its declaration asks for by now. `asked`: once, for a person. `immediate`: the former ends at once. */
export type RotationWish = 'due' | 'asked' | 'immediate';

/** One stage of a rotation, in the order in which they are done. Each leaves a state that the next run goes on from. */
export type RotationStep =
  /** A token whose secret was never stored. */
  | { do: 'discard'; name: string }
  /** Its secret is stored, and a run that died had no time to note that. */
  | { do: 'confirm'; name: string }
  /** A new token beside the one that is there, proved and stored; it stands for the declaration from then on. */
  | { do: 'succeed'; name: string }
  /** A new secret for the same token; the former one is dead at once (PVE 9.1). */
  | { do: 'regenerate'; name: string }
  /** Note on a former one until when it may be used. */
  | { do: 'supersede'; name: string; revokeAfter: number }
  /** Take a former one away, once the present one has proved that it works. */
  | { do: 'revoke'; name: string };

export interface Rotation {
  standing: Standing;
  steps: RotationStep[];
  /** Why, or why there is nothing to do; in words. */
  why: string;
  /** What is in the way; nothing is done then. */
  problem?: { why: string; remedy: string } | undefined;
}

export interface RotationOptions {
  standing: Standing;
  /** All tokens of its owner. */
  tokens: ReadonlyMap<string, ObservedToken>;
  /** Names of the owner's other declarations, whose tokens are not ours to make. */
  taken: ReadonlySet<string>;
  wish: RotationWish;
  /** Whether this Proxmox can make a new secret for the same token. */
  canRegenerate: boolean;
  /** Epoch ms. */
  now: number;
  /** The clock is not believed beyond this, so that one which jumps ahead ends no overlap. Default: it is believed. */
  believedUntil?: number | undefined;
}

/**
 * What it takes to rotate one token, from whatever a former run has left. Pure. Only what is marked is touched, and the
 * token that stands for the declaration is never revoked here.
 */
export function planRotation(options: RotationOptions): Rotation {
  const { standing, tokens, wish, canRegenerate, now } = options;
  const { token, secret } = standing;
  const members = familyOf(token.family ?? token.name, tokens);
  const current = members.find(({ name }) => name === token.name);
  if (!current) {
    const problem = missing(token, tokens);
    // What is not there or not ours is not due; nobody asked for this very one, and Entramox's own is always among them.
    if (wish === 'due') return { standing, steps: [], why: `${problem.why}; ${problem.remedy}` };
    return { standing, steps: [], why: '', problem };
  }
  const regenerates = wish === 'immediate' && canRegenerate;
  const isStored = current.mark.state === 'stored';
  if (!isStored && secret?.state !== 'valid' && !regenerates) {
    const problem = { why: `the secret of ${fullId(token)} was never stored`, remedy: making(token) };
    return { standing, steps: [], why: '', problem };
  }
  const isConfirmed = !isStored && secret?.state === 'valid';
  const steps: RotationStep[] = [];
  if (isConfirmed) steps.push({ do: 'confirm', name: current.name });
  const others = members.filter(({ name }) => name !== current.name);
  const leftovers = others.filter(({ mark }) => mark.state === 'pending');
  const discards = leftovers.map(({ name }): RotationStep => ({ do: 'discard', name }));
  const former = others.filter(({ mark, number }) => mark.state === 'stored' && number < current.number);
  // Where nobody can tell whose secret lies there, what may be in use goes only after something new is there.
  const isSealed = secret?.state === 'sealed' || secret?.state === 'unreadable' || standing.isScattered === true;
  if (!isSealed) steps.push(...discards);
  const closed = closing(former, options);
  steps.push(...closed.filter((step) => step.do === 'supersede'));
  const isUnfinished = isConfirmed || former.some(({ mark }) => mark.revokeAfter === undefined);
  const believed = Math.min(now, options.believedUntil ?? now);
  const runs = former.filter(({ mark }) => (mark.revokeAfter ?? 0) > believed);
  const reason = reasonFor({ current, leftovers, isUnfinished, runs }, options);
  if (reason.isOn) {
    const succession = succeed(current, { ...options, kept: isSealed ? members : without(members, leftovers) });
    if ('problem' in succession) return { standing, steps: [], why: reason.why, problem: succession.problem };
    steps.push(...succession.steps);
  }
  if (isSealed && reason.isOn) steps.push(...discards);
  // After a new secret, so that one which was lost does not stand in the way of the proof.
  steps.push(...closed.filter((step) => step.do === 'revoke'));
  // Whoever fetches the secret gets nothing that works, and the timer would be the only one to know.
  const isMissed = isLost(secret) || secret?.state === 'unreadable';
  if (wish === 'due' && steps.length === 0 && isMissed && token.besides === undefined) {
    const lost = `${fullId(token)} exists, and ${describeSecret(secret, token.sink.place)}`;
    const remedy = `mend that, or have a new one made: entramox token rotate ${shellQuote(fullId(token))}`;
    return { standing, steps, why: reason.why, problem: { why: lost, remedy } };
  }
  return { standing, steps, why: reason.why };
}

/** Nobody who asks the sink gets a secret that works. */
function isLost(secret: Standing['secret']): boolean {
  return secret?.state === 'refused' || secret?.state === 'absent' || secret?.state === 'of-another';
}

function missing(token: TokenDeclaration, tokens: RotationOptions['tokens']): { why: string; remedy: string } {
  if (!tokens.has(token.name)) return { why: `there is no token ${fullId(token)}`, remedy: making(token) };
  return {
    why: `the token ${fullId(token)} is there and is not marked as ours`,
    remedy: `${making(token)} --adopt takes it under management`,
  };
}

/** The command that makes a token; Entramox's own has one to itself. */
function making({ besides }: TokenDeclaration): string {
  return besides === undefined ? 'entramox token apply' : 'entramox token self --yes';
}

/** What ends the overlaps of earlier rotations, or begins that of one which was cut off. */
function closing(
  former: readonly Member[],
  { standing, wish, now, believedUntil = now }: RotationOptions,
): RotationStep[] {
  const until = wholeSeconds(now + overlapOf(standing.token));
  return former.flatMap(({ name, mark: { revokeAfter } }): RotationStep[] => {
    if (wish === 'immediate') return [{ do: 'revoke', name }];
    if (revokeAfter === undefined) return [{ do: 'supersede', name, revokeAfter: until }];
    return revokeAfter <= Math.min(now, believedUntil) ? [{ do: 'revoke', name }] : [];
  });
}

interface Found {
  current: Member;
  leftovers: readonly Member[];
  isUnfinished: boolean;
  runs: readonly Member[];
}

/** Whether a new secret is made, and why or why not. */
function reasonFor(
  { current, leftovers, isUnfinished, runs }: Found,
  { standing: { token, secret }, wish, now }: RotationOptions,
): { isOn: boolean; why: string } {
  // What a run that died has made and stored is the new one, also where there is to be no overlap.
  if (isUnfinished) return { isOn: false, why: 'ends a rotation that was cut off' };
  if (wish === 'immediate') return { isOn: true, why: 'asked for, without an overlap' };
  if (leftovers.length > 0) return { isOn: true, why: 'a rotation that was cut off' };
  const [running] = runs;
  if (wish === 'asked' && running && isLost(secret)) return { isOn: true, why: 'asked for, since its secret is lost' };
  if (running?.mark.revokeAfter !== undefined) {
    const id = fullId({ ...token, name: running.name });
    return { isOn: false, why: `is rotated already: ${id} is revoked after ${secondsIso(running.mark.revokeAfter)}` };
  }
  if (wish === 'asked') return { isOn: true, why: 'asked for' };
  return findDue(token, current, now);
}

function succeed(
  current: Member,
  options: RotationOptions & { kept: readonly Member[] },
): { steps: RotationStep[] } | { problem: NonNullable<Rotation['problem']> } {
  const { standing, tokens, taken, wish, canRegenerate, now, kept } = options;
  const { token } = standing;
  if (wish === 'immediate' && canRegenerate) return { steps: [{ do: 'regenerate', name: current.name }] };
  const declared = token.family ?? token.name;
  const name = nextTokenId(declared, new Map(kept.map((member) => [member.name, member.token])));
  const isOurLeftover = familyOf(declared, tokens).some((member) => member.name === name);
  if (taken.has(name) || (tokens.has(name) && !isOurLeftover)) {
    const whose = taken.has(name) ? 'is another declaration' : 'is there and is not marked as ours';
    const why = `the token ${fullId({ ...token, name })}, which would come next, ${whose}`;
    return { problem: { why, remedy: `give it another name, or declare ${declared} under another` } };
  }
  const revokeAfter = wholeSeconds(now + overlapOf(token));
  const end: RotationStep =
    wish === 'immediate' ? { do: 'revoke', name: current.name } : { do: 'supersede', name: current.name, revokeAfter };
  return { steps: [{ do: 'succeed', name }, end] };
}

function without(members: readonly Member[], leftovers: readonly Member[]): Member[] {
  return members.filter((member) => !leftovers.includes(member));
}
