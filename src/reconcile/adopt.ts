import { desiredOf } from '../domain/desired.js';
import { Conflict, Rejected } from '../domain/errors.js';
import type { ObjectId } from '../domain/identity.js';
import type { LedgerEntry } from '../domain/ledger-entry.js';
import { judge } from '../domain/lifecycle.js';
import { type Names, type Observed, planIdentity } from '../domain/plan.js';
import type { AccountTarget } from '../domain/policy.js';
import type { Sight } from '../domain/sight.js';
import { describeStep } from '../domain/step.js';
import { findLinux } from './adopt-linux.js';
import { findProxmox, writeMark } from './adopt-proxmox.js';
import type { AdoptionPart, Found, Subject } from './adoption-part.js';
import type { Context } from './context.js';
import { awaitsFirstRun } from './first-run.js';
import { identify } from './resync.js';

export interface Adoption {
  oid: ObjectId;
  upn: string;
  parts: AdoptionPart[];
}

export interface AdoptOptions {
  /** false: nothing is written, only shown. */
  apply: boolean;
  /** Default: every target in use. */
  targets?: readonly AccountTarget[] | undefined;
  /** The name of the Linux account, where the rule would give another one. */
  unixName?: string | undefined;
  /** The command line says that root has just handed over the Linux account: for the audit log. */
  handedOver?: boolean | undefined;
  claimedUser?: string | undefined;
}

/**
 * Takes what exists of an identity in scope under management: a Proxmox user by putting our ownership mark into its
 * comment; a Linux account once root has handed it over on its host, or where it was given back and is still known there.
 * Throws Rejected where there is nothing to adopt or the identity is out of scope, Conflict where all that is there is
 * somebody else's, or where it is to be written and is out of our token's reach.
 */
export async function adopt(ctx: Context, who: string, options: AdoptOptions, signal: AbortSignal): Promise<Adoption> {
  const subject = await readSubject(ctx, who, signal);
  const asked = (target: AccountTarget) => options.targets?.includes(target) ?? true;
  const { linux, proxmox } = ctx.targets;
  const found: Found[] = [];
  if (linux && asked('linux')) found.push(await findLinux(ctx, subject, options.unixName, signal));
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

function nothingToAdopt(ctx: Context, found: readonly Found[], asked: (target: AccountTarget) => boolean): Error {
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
