import type { AgentFault } from './agent-wire.js';
import { type Chance, createChance } from './chance.js';
import { GROUPS, type GroupName, HOUR_MS, MORE_UPNS } from './settings.js';

/** One member of the union for each of the kinds. */
type Each<K extends string, T> = K extends string ? { kind: K } & T : never;

/** People, groups and names by number, so that an action means something in whatever world it is put. */
export type Action =
  | Each<'join' | 'leave', { person: number; group: GroupName }>
  | Each<'disable' | 'enable' | 'soft-delete' | 'restore' | 'hard-delete' | 'redescribe', { person: number }>
  | { kind: 'rename'; person: number; upn: string }
  | { kind: 'hire'; upn: string; group: GroupName }
  | { kind: 'nest' }
  | { kind: 'mass-leave'; group: GroupName }
  | { kind: 'delivery'; how: 'lose' | 'duplicate' | 'reorder' | 'batch'; items: number }
  | { kind: 'forge'; how: 'no-secret' | 'stolen-secret' | 'owned-listener'; person: number }
  | { kind: 'hint'; person: number }
  | { kind: 'time'; ms: number }
  | { kind: 'sweep' }
  | { kind: 'sweep-meanwhile'; person: number; what: 'leave' | 'disable' | 'enable' | 'join'; crossings: number }
  | { kind: 'resync'; person: number }
  | { kind: 'approve' }
  | { kind: 'reject' }
  | { kind: 'adopt'; person: number }
  | { kind: 'graph-fault'; how: GraphFault; person: number; times: number }
  | { kind: 'proxmox-fault'; how: ProxmoxFault; times: number }
  | { kind: 'agent-fault'; how: AgentFault; times: number }
  | Each<'foreign-user' | 'ghost' | 'reopen-user' | 'close-user' | 'reopen-account', { person: number }>
  | { kind: 'heal' }
  | { kind: 'crash'; crossings: number }
  | { kind: 'restart' }
  | { kind: 'rest' };

/** The actions of these kinds. */
export type ActionOf<K extends Action['kind']> = Extract<Action, { kind: K }>;

export type GraphFault =
  | 'throttled'
  | 'unavailable'
  | 'cut'
  | 'no-token'
  | 'revoked'
  | 'stale'
  | 'limited'
  | 'emptied'
  | 'short-listing'
  | 'refused-listing';

export type ProxmoxFault =
  | 'broken-write'
  | 'broken-read'
  | 'no-lock'
  | 'no-quorum'
  | 'full'
  | 'empty-listing'
  | 'reset-before'
  | 'reset-after';

const GRAPH_FAULTS: readonly GraphFault[] = [
  'throttled',
  'unavailable',
  'cut',
  'no-token',
  'revoked',
  'stale',
  'stale',
  'limited',
  'limited',
  'emptied',
  'short-listing',
  'refused-listing',
];
const PROXMOX_FAULTS: readonly ProxmoxFault[] = [
  'broken-write',
  'broken-read',
  'no-lock',
  'no-quorum',
  'full',
  'empty-listing',
  'reset-before',
  'reset-after',
];
const AGENT_FAULTS: readonly AgentFault[] = ['busy', 'ceiling', 'failed', 'nonsense', 'killed-before', 'killed-after'];
const TIMES_MS = [1000, 6000, 6000, 40_000, 40_000, 360_000, 2 * HOUR_MS, 13 * HOUR_MS, 30 * HOUR_MS];

type Maker = (chance: Chance) => Action;
const person = (chance: Chance): number => chance.below(1000);

/** How often each kind comes, and what it looks like then. */
const MAKERS: readonly [number, Maker][] = [
  [9, (c) => ({ kind: 'join', person: person(c), group: c.pick(GROUPS) })],
  [9, (c) => ({ kind: 'leave', person: person(c), group: c.pick(GROUPS) })],
  [5, (c) => ({ kind: 'disable', person: person(c) })],
  [5, (c) => ({ kind: 'enable', person: person(c) })],
  [3, (c) => ({ kind: 'soft-delete', person: person(c) })],
  [3, (c) => ({ kind: 'restore', person: person(c) })],
  [2, (c) => ({ kind: 'hard-delete', person: person(c) })],
  [2, (c) => ({ kind: 'redescribe', person: person(c) })],
  [5, (c) => ({ kind: 'rename', person: person(c), upn: c.pick(MORE_UPNS) })],
  [4, (c) => ({ kind: 'hire', upn: c.pick(MORE_UPNS), group: c.pick(GROUPS) })],
  [1, () => ({ kind: 'nest' })],
  [1, (c) => ({ kind: 'mass-leave', group: c.pick(GROUPS) })],
  [4, (c) => ({ kind: 'delivery', how: c.pick(['lose', 'duplicate', 'reorder', 'batch']), items: 1 + c.below(5) })],
  [4, (c) => ({ kind: 'forge', how: c.pick(['no-secret', 'stolen-secret', 'owned-listener']), person: person(c) })],
  [4, (c) => ({ kind: 'hint', person: person(c) })],
  [16, (c) => ({ kind: 'time', ms: c.pick(TIMES_MS) })],
  [10, () => ({ kind: 'sweep' })],
  [
    4,
    (c) => ({
      kind: 'sweep-meanwhile',
      person: person(c),
      what: c.pick(['leave', 'disable', 'enable', 'join']),
      crossings: 1 + c.below(30),
    }),
  ],
  [3, (c) => ({ kind: 'resync', person: person(c) })],
  [3, () => ({ kind: 'approve' })],
  [1, () => ({ kind: 'reject' })],
  [2, (c) => ({ kind: 'adopt', person: person(c) })],
  [7, (c) => ({ kind: 'graph-fault', how: c.pick(GRAPH_FAULTS), person: person(c), times: 1 + c.below(8) })],
  [5, (c) => ({ kind: 'proxmox-fault', how: c.pick(PROXMOX_FAULTS), times: 1 + c.below(6) })],
  [4, (c) => ({ kind: 'agent-fault', how: c.pick(AGENT_FAULTS), times: 1 + c.below(3) })],
  [1, (c) => ({ kind: 'foreign-user', person: person(c) })],
  [1, (c) => ({ kind: 'ghost', person: person(c) })],
  [1, (c) => ({ kind: 'reopen-user', person: person(c) })],
  [1, (c) => ({ kind: 'close-user', person: person(c) })],
  [1, (c) => ({ kind: 'reopen-account', person: person(c) })],
  [7, () => ({ kind: 'heal' })],
  [6, (c) => ({ kind: 'crash', crossings: 1 + c.below(40) })],
  [2, () => ({ kind: 'restart' })],
  [3, () => ({ kind: 'rest' })],
];
const WEIGHTS = MAKERS.reduce((sum, [weight]) => sum + weight, 0);

/** A course of so many actions, the same for the same seed. */
export function courseOf(seed: number, steps: number): Action[] {
  const chance = createChance(seed);
  return Array.from({ length: steps }, () => {
    let place = chance.below(WEIGHTS);
    const [, make] = MAKERS.find(([weight]) => {
      place -= weight;
      return place < 0;
    }) as [number, Maker];
    return make(chance);
  });
}
