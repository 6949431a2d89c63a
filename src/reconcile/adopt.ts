import { type Desired, desiredOf } from '../domain/desired.js';
import { baseGroup } from '../domain/entitlement.js';
import { Conflict, Rejected } from '../domain/errors.js';
import type { Attributes, ObjectId } from '../domain/identity.js';
import type { LedgerEntry } from '../domain/ledger-entry.js';
import { judge } from '../domain/lifecycle.js';
import { type Names, type Observed, planIdentity } from '../domain/plan.js';
import type { TargetName } from '../domain/policy.js';
import { commentFor, ownerIn } from '../domain/proxmox-comment.js';
import { proxmoxNameOf } from '../domain/proxmox-name.js';
import type { LinuxAccount, ProxmoxUser, Sight } from '../domain/sight.js';
import { describeStep, type ProxmoxStep } from '../domain/step.js';
import { unixNameOf } from '../domain/unix-name.js';
import type { Context } from './context.js';
import { awaitsFirstRun } from './first-run.js';
import { identify } from './resync.js';

/** How one target stands towards an adoption. */
export interface AdoptionPart {
  target: TargetName;
  /** The Unix name or userid in question. */
  name: string;
  /** `managed`: ours already. `none`: nothing stands there. `refused`: it cannot be adopted as it is. */
  standing: 'adoptable' | 'managed' | 'none' | 'refused';
  /** What stands there, one fact each. */
  facts: readonly string[];
  /** What adopting it changes at once. */
  steps: readonly string[];
  /** What the next reconcile would change about it. */
  next: readonly string[];
  /** What root has to run on a Proxmox node before, since our token may not write the user yet. */
  first?: string | undefined;
  /** Root has to hand it over on its host: the account agent takes no account on our word. */
  byRoot?: boolean | undefined;
  why?: string | undefined;
  remedy?: string | undefined;
  /** It was adopted by this very call. */
  done: boolean;
}

export interface Adoption {
  oid: ObjectId;
  upn: string;
  parts: AdoptionPart[];
}

export interface AdoptOptions {
  /** false: nothing is written, only shown. */
  apply: boolean;
  /** Default: every target in use. */
  targets?: readonly TargetName[] | undefined;
  /** The name of the Linux account, where the rule would give another one. */
  unixName?: string | undefined;
  /** The command line says that root has just handed over the Linux account: for the audit log. */
  handedOver?: boolean | undefined;
  claimedUser?: string | undefined;
}

type Found = AdoptionPart & { linux?: LinuxAccount | undefined; proxmox?: ProxmoxUser | undefined };

interface Subject {
  oid: ObjectId;
  attributes: Attributes;
  desired: Extract<Desired, { kind: 'member' }>;
  /** What the ledger knows, or would know. */
  entry: LedgerEntry;
}

/**
 * Takes what exists of an identity in scope under management: a Proxmox user by putting our ownership mark into its
 * comment; a Linux account once root has handed it over on its host, or where it was given back and is still known there.
 * Throws Rejected where there is nothing to adopt or the identity is out of scope, Conflict where all that is there is
 * somebody else's, or where it is to be written and is out of our token's reach.
 */
export async function adopt(ctx: Context, who: string, options: AdoptOptions, signal: AbortSignal): Promise<Adoption> {
  const subject = await readSubject(ctx, who, signal);
  const asked = (target: TargetName) => options.targets?.includes(target) ?? true;
  const { linux, proxmox } = ctx.targets;
  const found: Found[] = [];
  if (linux && asked('linux')) found.push(await findLinux(ctx, subject, options, signal));
  if (proxmox && asked('proxmox')) found.push(await findProxmox(ctx, subject, signal));
  const usable = found.filter(({ standing }) => standing === 'adoptable' || standing === 'managed');
  if (usable.length === 0) throw nothingToAdopt(ctx, found, asked);
  for (const part of usable) part.next = nextSteps(ctx, subject, part);
  if (options.apply && !ctx.dryRun) await applyAdoption(ctx, subject, usable, options, signal);
  const parts = found.map(({ linux: _, proxmox: __, ...part }) => part);
  return { oid: subject.oid, upn: subject.attributes.upn, parts };
}

async function readSubject(ctx: Context, who: string, signal: AbortSignal): Promise<Subject> {
  const oid = await identify(ctx, who, signal);
  const [reading] = await ctx.directory.readIdentities([oid], signal);
  if (reading?.certainty !== 'present')
    throw new Rejected(`${who} cannot be read in the directory, so nothing is adopted`);
  const desired = desiredOf(reading, ctx.policy);
  if (desired.kind !== 'member') {
    const why = desired.kind === 'outsider' ? `out of scope: ${desired.reason}` : desired.why;
    throw new Rejected(`${who} is ${why}; only people in scope are looked after, so nothing is adopted`);
  }
  const { attributes, groups } = desired;
  const described = { upn: attributes.upn, displayName: attributes.displayName ?? '', groups };
  const fresh = { oid, state: 'active', since: ctx.clock.now(), names: {}, retired: [], conflicts: [] } as const;
  return { oid, attributes, desired, entry: { ...fresh, ...ctx.ledger.entry(oid), ...described } };
}

async function findLinux(
  ctx: Context,
  { oid, entry, attributes }: Subject,
  { unixName }: AdoptOptions,
  signal: AbortSignal,
): Promise<Found> {
  const mapped = unixNameOf(attributes.upn, ctx.policy.username);
  const name = unixName ?? entry.names.linux ?? (mapped.ok ? mapped.name : '');
  const sight: Sight<LinuxAccount> | undefined = (await ctx.targets.linux?.observe([{ oid, name }], signal))?.get(oid);
  const part: Found = { target: 'linux', name, standing: 'none', facts: [], steps: [], next: [], done: false };
  const isReleased = entry.released?.linux !== undefined;
  switch (sight?.certainty) {
    case 'present':
      if (unixName !== undefined && unixName !== sight.value.name) {
        return { ...part, standing: 'refused', why: `${entry.upn} has the account ${sight.value.name} already` };
      }
      return {
        ...part,
        name: sight.value.name,
        linux: sight.value,
        facts: [`uid ${sight.value.uid}, name "${sight.value.gecos}"`],
        ...(isReleased
          ? { standing: 'adoptable', steps: [`linux take back ${sight.value.name}`] }
          : { standing: 'managed' }),
      };
    case 'foreign': {
      const { adoptable, obstacle, released, facts = [], what, remedy } = sight;
      if (released) {
        const steps = [`linux take back ${name}`];
        return { ...part, standing: 'adoptable', byRoot: true, facts: [what], steps };
      }
      if (!adoptable) return { ...part, standing: 'refused', why: what, remedy };
      if (obstacle !== undefined) return { ...part, standing: 'refused', facts, why: obstacle };
      const steps = [`linux hand over ${name}`];
      return { ...part, standing: 'adoptable', byRoot: true, linux: adoptable, facts, steps };
    }
    case 'absent':
      if (!isReleased) return { ...part, why: `this host has no account ${name}` };
      return { ...part, standing: 'adoptable', steps: [`linux look after ${name} again`] };
    default:
      return { ...part, standing: 'refused', why: `${name} cannot be seen on this host: ${sight?.why ?? 'no answer'}` };
  }
}

async function findProxmox(ctx: Context, { oid, entry, attributes }: Subject, signal: AbortSignal): Promise<Found> {
  const part: Found = { target: 'proxmox', name: '', standing: 'none', facts: [], steps: [], next: [], done: false };
  const mapped = proxmoxNameOf(attributes.upn, ctx.policy.realm);
  if (!mapped.ok) return { ...part, name: attributes.upn, standing: 'refused', why: mapped.why };
  const name = mapped.userid;
  const sight = (await ctx.targets.proxmox?.observe([{ oid, name }], signal))?.get(oid);
  const isReleased = entry.released?.proxmox !== undefined;
  const adoptable = (user: ProxmoxUser, first?: string): Found => ({
    ...part,
    name,
    standing: 'adoptable',
    proxmox: user,
    first,
    facts: factsOf(user),
    steps: [describeStep(markStep(ctx, oid, user))],
  });
  switch (sight?.certainty) {
    case 'present': {
      const { value } = sight;
      // With PVE_PROVISION=existing a mark is not needed to be seen.
      if (ownerIn(value.comment) !== oid || isReleased) return adoptable(value);
      return { ...part, name, standing: 'managed', proxmox: value, facts: factsOf(value) };
    }
    case 'foreign': {
      const { what, remedy } = sight;
      if (!sight.adoptable) return { ...part, name, standing: 'refused', why: `${name}: ${what}`, remedy };
      return adoptable(sight.adoptable, sight.outOfReach);
    }
    case 'absent':
      if (!isReleased) return { ...part, name, why: `Proxmox has no user ${name}` };
      return { ...part, name, standing: 'adoptable', steps: [`proxmox look after ${name} again`] };
    default:
      return {
        ...part,
        name,
        standing: 'refused',
        why: `${name} cannot be seen in Proxmox: ${sight?.why ?? 'no answer'}`,
      };
  }
}

function factsOf({ enabled, comment, groups }: ProxmoxUser): string[] {
  return [`${enabled ? 'enabled' : 'disabled'}, comment "${comment}"`, `groups ${groups.join(' ') || 'none'}`];
}

function markStep(ctx: Context, oid: ObjectId, before: ProxmoxUser): ProxmoxStep {
  const wanted = { presence: 'active', entitlement: { sudo: false, linuxGroups: [], pveGroups: [] } } as const;
  const { userid: name } = before;
  const change = { comment: commentFor(oid, wanted, undefined) };
  const groups = [baseGroup(ctx.policy.realm)];
  return { target: 'proxmox', action: 'update', effect: 'touch', oid, name, change, groups, append: true, before };
}

/** What the planner itself would do about what stands there, as if it were ours by then. */
function nextSteps(ctx: Context, subject: Subject, part: Found): string[] {
  const { desired, attributes, oid } = subject;
  const entry: LedgerEntry = { ...subject.entry, released: undefined };
  const verdict = judge(oid, entry, desired, ctx.policy, { now: ctx.clock.now(), sweep: false });
  if (verdict.kind !== 'settle') return [];
  const present = <T>(value: T | undefined): Sight<T> | undefined => value && { certainty: 'present', value };
  const observed: Observed = { linux: present(part.linux), proxmox: present(part.proxmox) };
  const names: Names = {
    linux: { name: part.linux?.name ?? '' },
    proxmox: { name: part.proxmox?.userid ?? '', retired: [] },
  };
  const { policy, clock } = ctx;
  const plan = planIdentity(verdict.entry, verdict.wanted, attributes, observed, names, policy, clock.now());
  return plan.steps.map(describeStep);
}

function nothingToAdopt(ctx: Context, found: readonly Found[], asked: (target: TargetName) => boolean): Error {
  const { linux, proxmox } = ctx.targets;
  const refused = found.find(({ standing }) => standing === 'refused');
  const reasons = [
    ...found.map(({ why }) => why ?? ''),
    ...(asked('proxmox') && !proxmox && !ctx.policy.enforce
      ? ['GRAPH_ENFORCE is false: the users of the Proxmox realm are only read, so there is none to adopt']
      : asked('proxmox') && !proxmox
        ? ['the proxmox target is not in use, so there is no Proxmox user to adopt']
        : []),
    ...(asked('linux') && !linux ? ['the linux target is not in use, so there is no account to adopt'] : []),
  ].filter(Boolean);
  if (refused?.remedy) return new Conflict(reasons.join('; '), refused.remedy);
  return new Rejected(`${reasons.join('; ')}: nothing to adopt`);
}

async function applyAdoption(
  ctx: Context,
  { oid, entry }: Subject,
  parts: readonly Found[],
  { claimedUser, handedOver }: AdoptOptions,
  signal: AbortSignal,
): Promise<void> {
  const barred = parts.find(({ first }) => first !== undefined);
  if (barred) {
    throw new Conflict(
      `${barred.name} is in none of the managed groups, so the API token may not write it; nothing was changed`,
      `run this on a Proxmox node first, then adopt again: ${barred.first}`,
    );
  }
  const mine = parts.filter(({ byRoot }) => !byRoot);
  if (mine.length === 0) return;
  // A ledger that knows somebody would pass for that of a host which has had its first run.
  if (awaitsFirstRun(ctx) && !ctx.ledger.data.firstRun) {
    throw new Rejected('the first run of this host is not planned yet; wait for it with "entramox status", then adopt');
  }
  await ctx.locks.hold([oid], async () => {
    for (const part of mine) {
      if (part.standing !== 'adoptable' && !(handedOver && part.target === 'linux')) continue;
      if (part.proxmox) await writeMark(ctx, oid, part.proxmox, signal);
      const { target, name, proxmox, linux } = part;
      ctx.audit.append({
        by: 'operator',
        action: 'adopt',
        claimedUser,
        oid,
        target,
        name,
        before: proxmox ?? linux,
        outcome: 'done',
      });
      part.done = true;
    }
    ctx.audit.flush();
    const current = ctx.ledger.entry(oid);
    const names = { ...(current ?? entry).names };
    const retired = [...(current ?? entry).retired];
    const released = { ...current?.released };
    for (const { target, proxmox, linux } of mine) {
      delete released[target];
      // Who had another userid until now: it stays looked after, so that it is disabled.
      const former = proxmox && names.proxmox !== proxmox.userid ? names.proxmox : undefined;
      if (former !== undefined) retired.push(former);
      if (proxmox) names.proxmox = proxmox.userid;
      if (linux) names.linux = linux.name;
    }
    const rest = released.linux || released.proxmox ? { released } : { released: undefined };
    // From here on a sweep that read before leaves this identity alone.
    ctx.locks.touch([oid]);
    ctx.ledger.put({ ...entry, ...current, ...rest, names, retired: retired.filter((name) => name !== names.proxmox) });
    await ctx.ledger.save();
  });
}

async function writeMark(ctx: Context, oid: ObjectId, user: ProxmoxUser, signal: AbortSignal): Promise<void> {
  const step = markStep(ctx, oid, user);
  await ctx.lanes.proxmox.add(async () => ctx.targets.proxmox?.apply(step, signal), { priority: 1 });
}
