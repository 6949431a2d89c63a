import type { ObjectId } from '../domain/identity.js';
import type { LedgerEntry } from '../domain/ledger-entry.js';
import { formerNames, namesFor } from '../domain/plan.js';
import type { Ask, LinuxAccount, ProxmoxUser, Sight } from '../domain/sight.js';
import type { Assessment } from './assess.js';
import { type Candidate, nameCandidates, nameIn } from './candidates.js';
import type { Context } from './context.js';

/** What the targets showed. Unknown for every name that was not asked for: nothing is absent unless a target said so. */
export interface Sights {
  linux(oid: ObjectId, name: string): Sight<LinuxAccount>;
  proxmox(oid: ObjectId, name: string): Sight<ProxmoxUser>;
}

/** Looks at the targets, one question each for all identities together. */
export async function look(ctx: Context, assessments: readonly Assessment[], signal: AbortSignal): Promise<Sights> {
  const candidates = nameCandidates(ctx, assessments);
  // Asked about by object id as well: an account may have been adopted under another name than the rule would give.
  const linux = candidates.map(({ entry, names }) => asksOf(entry.oid, [nameIn(names.linux) ?? '']));
  const proxmox = candidates.map(({ entry, names }) =>
    asksOf(entry.oid, [nameIn(names.proxmox), ...formerNames(names)]),
  );
  const [linuxSights, proxmoxSights] = await Promise.all([
    ask(ctx.targets.linux, [...linux, ...waitingFor(ctx, candidates)], signal),
    ask(ctx.targets.proxmox, proxmox, signal),
  ]);
  return {
    linux: (oid, name) => linuxSights.get(keyOf(oid, name)) ?? UNASKED,
    proxmox: (oid, name) => proxmoxSights.get(keyOf(oid, name)) ?? UNASKED,
  };
}

/**
 * Everybody else who waits for an account: where two would get one uid, the host tells it of both, and neither gets it
 * because the other one was not looked at this time.
 */
function waitingFor(ctx: Context, candidates: readonly Candidate[]): Ask[][] {
  const looked = new Set(candidates.map(({ entry }) => entry.oid));
  if (!ctx.targets.linux || !candidates.some(({ entry }) => awaitsAccount(entry))) return [];
  const others = ctx.ledger.entries().filter((entry) => awaitsAccount(entry) && !looked.has(entry.oid));
  return others.map((entry) => {
    const { linux } = namesFor(entry, ctx.policy, ctx.ledger.holderOf);
    return [{ oid: entry.oid, name: nameIn(linux) ?? '' }];
  });
}

function awaitsAccount({ state, names, released }: LedgerEntry): boolean {
  return state === 'active' && names.linux === undefined && released?.linux === undefined;
}

const UNASKED = { certainty: 'unknown', why: 'the target was not asked, or did not answer' } as const;

interface Observer<T> {
  observe(asks: readonly Ask[], signal: AbortSignal): Promise<Map<string, Sight<T>>>;
}

/** A target answers by object id, so who has several names is asked about in as many rounds; nearly nobody has. */
async function ask<T>(
  target: Observer<T> | undefined,
  asksOfEach: readonly (readonly Ask[])[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Sight<T>>> {
  const sights = new Map<string, Sight<T>>();
  const rounds = target ? Math.max(0, ...asksOfEach.map((asks) => asks.length)) : 0;
  for (let round = 0; round < rounds; round += 1) {
    const asks = asksOfEach.flatMap((each) => each[round] ?? []);
    const answers = (await target?.observe(asks, signal)) ?? new Map<string, Sight<T>>();
    for (const { oid, name } of asks) {
      const sight = answers.get(oid);
      if (sight) sights.set(keyOf(oid, name), sight);
    }
  }
  return sights;
}

function asksOf(oid: ObjectId, names: readonly (string | undefined)[]): Ask[] {
  return names.filter((name) => name !== undefined).map((name) => ({ oid, name }));
}

function keyOf(oid: ObjectId, name: string): string {
  return `${oid} ${name}`;
}
