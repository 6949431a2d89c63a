import { messageOf, Rejected, SourceUnavailable } from '../domain/errors.js';
import { type ObjectId, parseGuid } from '../domain/identity.js';
import type { Sight } from '../domain/sight.js';
import { describeStep } from '../domain/step.js';
import type { Context } from './context.js';
import { reconcileIdentities } from './identities.js';
import type { Prepared } from './prepare.js';
import type { Outcome } from './settle.js';

/** One of the five steps of a resync, as it is told to the operator. */
export interface Finding {
  step: 'connect' | 'read' | 'scope' | 'match' | 'act';
  ok: boolean;
  finding: string;
  target?: string | undefined;
}

/**
 * Brings one person true now and tells, step by step, what was seen and done. `who` is an object id or a user
 * principal name. With `apply` false nothing is written. undefined: the finding that was told last was in the way.
 * Throws Rejected where nobody has that user principal name.
 */
export async function resync(
  ctx: Context,
  who: string,
  apply: boolean,
  tell: (finding: Finding) => void,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  let oid = parseGuid(who);
  // An object id asks nothing of the directory yet: whether that answers is seen by the reading.
  const named = oid !== undefined;
  let outcome: Outcome;
  try {
    if (!oid) {
      oid = await identify(ctx, who, signal);
      tell({ step: 'connect', ok: true, finding: `the directory answers; ${who} is ${oid}` });
    }
    outcome = await reconcileToTheEnd(ctx, oid, apply, signal);
  } catch (error) {
    if (error instanceof Rejected && !oid) throw error;
    const unanswered = !oid || (named && error instanceof SourceUnavailable);
    tell({ step: unanswered ? 'connect' : 'read', ok: false, finding: messageOf(error) });
    return undefined;
  }
  if (named) tell({ step: 'connect', ok: true, finding: `the directory answers for ${oid}` });
  const wrote = apply && !ctx.dryRun;
  const findings = [
    readFinding(outcome),
    scopeFinding(ctx, outcome),
    ...matchFindings(outcome),
    ...actFindings(outcome, wrote),
  ];
  for (const finding of findings) tell(finding);
  return outcome;
}

/** The object id behind a GUID or user principal name. Throws Rejected where nobody has it. */
export async function identify(ctx: Context, who: string, signal: AbortSignal): Promise<ObjectId> {
  const oid = parseGuid(who);
  if (oid) return oid;
  const known = ctx.ledger.findByUpn(who);
  const found = (await ctx.directory.findByUpn(who, signal)) ?? known?.oid;
  if (!found)
    throw new Rejected(`nobody has the user principal name ${who}: check its spelling, or give the object id`);
  return found;
}

/** A person waits for the answer, so a departure's second reading is taken here rather than left to the queue. */
async function reconcileToTheEnd(ctx: Context, oid: ObjectId, apply: boolean, signal: AbortSignal): Promise<Outcome> {
  const request = { by: 'resync', apply } as const;
  const first = await reconcileIdentities(ctx, [oid], request, signal);
  let outcome = first[0] as Outcome;
  const isWaiting = outcome.result === 'confirming' || outcome.prepared.plan?.lakefs?.recheckAt !== undefined;
  if (isWaiting && outcome.recheckAt !== undefined && apply && !ctx.dryRun) {
    await ctx.clock.sleep(Math.max(0, outcome.recheckAt - ctx.clock.now()), signal);
    outcome = (await reconcileIdentities(ctx, [oid], request, signal))[0] as Outcome;
  }
  return outcome;
}

function readFinding({ prepared }: Outcome): Finding {
  const { reading } = prepared.assessment;
  switch (reading.certainty) {
    case 'present': {
      const { attributes, enabled, groups } = reading;
      const finding = `${attributes.upn}, ${enabled ? 'enabled' : 'disabled'}, in ${groups.length} configured groups`;
      return { step: 'read', ok: true, finding };
    }
    case 'absent':
      return { step: 'read', ok: true, finding: reading.evidence };
    case 'unknown':
      return { step: 'read', ok: false, finding: `unknown: ${reading.why}` };
    default:
      return reading satisfies never;
  }
}

function scopeFinding(ctx: Context, { prepared, oid }: Outcome): Finding {
  const { desired, verdict } = prepared.assessment;
  const state = ctx.ledger.entry(oid)?.state ?? 'not known here';
  switch (desired.kind) {
    case 'member': {
      const { sudo, linuxGroups, pveGroups } = desired.entitlement;
      const rights = `sudo ${sudo ? 'yes' : 'no'}, Linux groups [${linuxGroups.join(' ')}], Proxmox groups [${pveGroups.join(' ')}]`;
      const suspended = desired.enabled ? '' : '; suspended, disabled in Entra: gets none of it';
      return { step: 'scope', ok: true, finding: `in scope: ${rights}${suspended}` };
    }
    case 'outsider': {
      const pending = verdict.kind === 'confirm' ? '; a second reading must agree' : '';
      return { step: 'scope', ok: true, finding: `out of scope, ${desired.reason}${pending}; ledger: ${state}` };
    }
    case 'unknown':
      return { step: 'scope', ok: false, finding: `cannot tell: ${desired.why}; ledger: ${state}` };
    default:
      return desired satisfies never;
  }
}

function matchFindings({ prepared }: Outcome): Finding[] {
  const { observed, plan, lakefs } = prepared;
  const findings: Finding[] = lakefs ? [lakefsFinding(lakefs)] : [];
  if (!observed && findings.length === 0) return [{ step: 'match', ok: true, finding: 'nothing of ours to match' }];
  for (const target of ['linux', 'proxmox'] as const) {
    const sight: Sight<object> | undefined = observed?.[target];
    if (!sight) continue;
    const conflict = plan?.conflicts.find((item) => item.target === target);
    if (conflict)
      findings.push({ step: 'match', ok: false, target, finding: `conflict: ${conflict.what}. ${conflict.remedy}` });
    else findings.push({ step: 'match', ok: sight.certainty !== 'unknown', target, finding: describeSight(sight) });
  }
  return findings;
}

/** As which user a person is in which groups of lakeFS, or what speaks against it. */
function lakefsFinding({ part, user, groups }: NonNullable<Prepared['lakefs']>): Finding {
  const base = { step: 'match', target: 'lakefs' } as const;
  const { conflict, unknown, pending, recheckAt } = part;
  if (conflict) return { ...base, ok: false, finding: `conflict: ${conflict.what}. ${conflict.remedy}` };
  if (unknown !== undefined) return { ...base, ok: false, finding: `cannot be seen: ${unknown}` };
  if (pending) {
    const finding = 'pending: lakeFS has no user that LAKEFS_MEMBER_MATCH finds; it is looked for again';
    return { ...base, ok: false, finding };
  }
  const found = user === undefined ? 'no user' : `id ${user}, groups [${groups.join(' ')}]`;
  const wait = recheckAt === undefined ? '' : '; left a group, a second reading must agree';
  return { ...base, ok: true, finding: `${found}${wait}` };
}

function describeSight(sight: Sight<object>): string {
  switch (sight.certainty) {
    case 'present': {
      const facts = Object.entries(sight.value).filter(([key]) => key !== 'comment' && key !== 'gecos');
      return facts.map(([key, value]) => `${key} ${Array.isArray(value) ? `[${value.join(' ')}]` : value}`).join(', ');
    }
    case 'absent':
      return 'no account';
    case 'foreign':
      return `not ours: ${sight.what}`;
    case 'unknown':
      return `cannot be seen: ${sight.why}`;
    default:
      return sight satisfies never;
  }
}

function actFindings(outcome: Outcome, wrote: boolean): Finding[] {
  const waits = outcome.result === 'held' || outcome.result === 'rejected';
  const findings = outcome.steps.map((step): Finding => {
    const finding = wrote && !waits ? describeStep(step) : `would: ${describeStep(step)}`;
    return { step: 'act', ok: true, target: step.target, finding };
  });
  const ok = ['applied', 'planned', 'unchanged', 'ignored', 'overtaken'].includes(outcome.result);
  if (outcome.steps.length === 0 || !ok) {
    findings.push({ step: 'act', ok, finding: outcome.why ? `${outcome.result}: ${outcome.why}` : summaryOf(outcome) });
  }
  return findings;
}

function summaryOf(outcome: Outcome): string {
  if (outcome.result === 'ignored') return 'nothing to do: neither in scope nor ours';
  if (outcome.result === 'confirming') return 'nothing yet: a second reading must agree first';
  return 'nothing to do: everything is as it should be';
}
