import { baseGroup, managedPveGroups } from '../domain/entitlement.js';
import { Rejected } from '../domain/errors.js';
import { type ObjectId, parseGuid } from '../domain/identity.js';
import type { LedgerEntry, Release } from '../domain/ledger-entry.js';
import type { AccountTarget } from '../domain/policy.js';
import { ownerIn, withoutMark } from '../domain/proxmox-comment.js';
import { proxmoxNameOf } from '../domain/proxmox-name.js';
import type { ProxmoxUser } from '../domain/sight.js';
import { describeStep, type ProxmoxStep } from '../domain/step.js';
import type { Context } from './context.js';

/** What becomes of one target when somebody is given back. */
export interface ReleasePart {
  target: AccountTarget;
  name: string;
  /** `released`: it was before. `none`: nothing of ours stands there; the person is left alone there all the same. */
  standing: 'ours' | 'released' | 'none';
  /** What stays, one fact each. */
  facts: readonly string[];
  steps: readonly string[];
  /** Root has to tell the account agent of that host as well, which would go on counting the account as its own. */
  byRoot?: boolean | undefined;
  done: boolean;
}

export interface Released {
  oid: ObjectId;
  upn: string;
  parts: ReleasePart[];
}

export interface ReleaseOptions {
  /** false: nothing is written, only shown. */
  apply: boolean;
  /** Default: every target in use. */
  targets?: readonly AccountTarget[] | undefined;
  claimedUser?: string | undefined;
}

type Found = ReleasePart & { user?: ProxmoxUser };

/**
 * Gives back what we look after of one identity: from then on nothing of it is changed, whatever happens in Entra, and
 * nobody else gets its names. What the person has stays; in Proxmox our mark leaves the comment. Throws Rejected where
 * the person is not known, or the mark cannot be taken off now.
 */
export async function release(
  ctx: Context,
  who: string,
  options: ReleaseOptions,
  signal: AbortSignal,
): Promise<Released> {
  const entry = knownAs(ctx, who);
  const { oid, upn } = entry;
  const asked = (target: AccountTarget) => options.targets?.includes(target) ?? true;
  const found: Found[] = [];
  if (ctx.targets.linux && asked('linux')) found.push(await findLinux(ctx, entry, signal));
  if (ctx.targets.proxmox && asked('proxmox')) found.push(await findProxmox(ctx, entry, signal));
  if (found.length === 0) throw new Rejected('none of these targets is in use, so there is nothing to give back');
  if (options.apply && !ctx.dryRun) await applyRelease(ctx, oid, found, options, signal);
  return { oid, upn, parts: found.map(({ user: _, ...part }) => part) };
}

/** The entry of this person. Throws Rejected where there is none, or the name is that of two. */
export function knownAs(ctx: Pick<Context, 'ledger'>, who: string): LedgerEntry {
  const oid = parseGuid(who);
  const wanted = who.toLowerCase();
  const known = oid
    ? [ctx.ledger.entry(oid)].filter((entry) => entry !== undefined)
    : ctx.ledger.entries().filter((entry) => entry.upn.toLowerCase() === wanted);
  const [first, second] = known;
  if (!first) throw new Rejected(`nothing is looked after of ${who}: check its spelling, or give the object id`);
  if (!second) return first;
  const who2 = known.map(({ oid: id, state }) => `${id} (${state})`).join(', ');
  throw new Rejected(`${who} is the name of more than one identity, say which: ${who2}`);
}

async function findLinux(ctx: Context, entry: LedgerEntry, signal: AbortSignal): Promise<Found> {
  const { oid, names, released } = entry;
  const name = names.linux ?? '';
  const sight = (await ctx.targets.linux?.observe([{ oid, name }], signal))?.get(oid);
  const part: Found = { target: 'linux', name, standing: 'none', facts: [], steps: [], done: false };
  if (sight?.certainty === 'foreign' && sight.released) {
    const isTold = released?.linux !== undefined;
    return { ...part, standing: isTold ? 'released' : 'ours', facts: [sight.what] };
  }
  if (sight?.certainty === 'unknown') {
    const facts = [`the host cannot be asked now: ${sight.why}`];
    return { ...part, standing: name ? 'ours' : 'none', facts, byRoot: name !== '' };
  }
  if (sight?.certainty !== 'present' || sight.value.state === 'deleted') return part;
  const { uid, groups, sudo, locked } = sight.value;
  return {
    ...part,
    name: sight.value.name,
    standing: 'ours',
    byRoot: true,
    facts: [
      `keeps uid ${uid}, its home and its password`,
      `stays in the groups ${groups.join(' ') || '(none of ours)'}`,
      ...(sudo ? [`keeps sudo: /etc/sudoers.d/entramox-${uid} stays and is nobody's; rm it to end that`] : []),
      ...(locked ? [`stays locked: usermod -U -e '' ${sight.value.name} opens it`] : []),
    ],
  };
}

async function findProxmox(ctx: Context, entry: LedgerEntry, signal: AbortSignal): Promise<Found> {
  const { oid, names, upn, released } = entry;
  const mapped = proxmoxNameOf(upn, ctx.policy.realm);
  const name = names.proxmox ?? (mapped.ok ? mapped.userid : upn);
  const part: Found = { target: 'proxmox', name, standing: 'none', facts: [], steps: [], done: false };
  const isReleased = released?.proxmox !== undefined;
  const sight = (await ctx.targets.proxmox?.observe([{ oid, name }], signal))?.get(oid);
  if (sight?.certainty === 'unknown') throw new Rejected(`${name} cannot be seen in Proxmox: ${sight.why}`);
  const isOurs = sight?.certainty === 'present' && (ownerIn(sight.value.comment) === oid || names.proxmox === name);
  if (!isOurs) return { ...part, standing: isReleased ? 'released' : 'none' };
  const user = sight.value;
  const isMarked = ownerIn(user.comment) === oid;
  if (!isMarked && isReleased) return { ...part, standing: 'released' };
  return {
    ...part,
    standing: 'ours',
    user,
    facts: [`stays ${user.enabled ? 'enabled' : 'disabled'}, with its tokens`, `stays in ${user.groups.join(' ')}`],
    steps: isMarked ? [describeStep(unmarkStep(ctx, oid, user))] : [],
  };
}

/** Only the comment; the groups are named because our token may write no user without. */
function unmarkStep(ctx: Context, oid: ObjectId, before: ProxmoxUser): ProxmoxStep {
  const managed = managedPveGroups(ctx.policy);
  const groups = before.groups.filter((group) => managed.includes(group)).slice(0, 1);
  return {
    target: 'proxmox',
    action: 'update',
    effect: 'touch',
    oid,
    name: before.userid,
    change: { comment: withoutMark(before.comment, ctx.clock.now()) },
    groups: groups.length > 0 ? groups : [baseGroup(ctx.policy.realm)],
    append: true,
    before,
  };
}

async function applyRelease(
  ctx: Context,
  oid: ObjectId,
  parts: readonly Found[],
  { claimedUser }: ReleaseOptions,
  signal: AbortSignal,
): Promise<void> {
  await ctx.locks.hold([oid], async () => {
    const entry = ctx.ledger.entry(oid);
    if (!entry) throw new Rejected(`${oid} was forgotten meanwhile: nothing of it is looked after`);
    const at: Release = { at: ctx.clock.now(), by: 'operator' };
    const targets = parts.map(({ target }) => target);
    const released = { ...entry.released };
    for (const target of targets)
      released[target] = entry.released?.[target]?.by === 'operator' ? released[target] : at;
    const conflicts = entry.conflicts.filter(({ target }) => target === 'lakefs' || !targets.includes(target));
    // Written down first: whatever happens next, nothing is done to this person any more. A sweep that read before
    // leaves it alone, too.
    ctx.locks.touch([oid]);
    ctx.ledger.put({ ...entry, released, conflicts, problem: undefined });
    await ctx.ledger.save();
    for (const part of parts) {
      const { target, name, user, standing } = part;
      if (user && part.steps.length > 0) {
        const step = unmarkStep(ctx, oid, user);
        await ctx.lanes.proxmox.add(async () => ctx.targets.proxmox?.apply(step, signal), { priority: 1 });
      }
      part.done = standing !== 'released';
      const shared = { by: 'operator', action: 'release', claimedUser, oid, upn: entry.upn, target, name } as const;
      ctx.audit.append({ ...shared, before: user, outcome: 'done' });
    }
    ctx.audit.flush();
  });
}
