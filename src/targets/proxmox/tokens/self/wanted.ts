import { type GroupGrant, groupGrants, managedPveGroups } from '../../../../domain/entitlement.js';
import type { Policy } from '../../../../domain/policy.js';
import { needsOf } from '../../needs.js';
import type { Need } from '../../rights.js';
import type { BesideGrant, TokenDeclaration } from '../declaration.js';
import type { DeclaredSink } from '../declared-sink.js';

/** The user that owns the token, unless said otherwise; it has no password and nothing but the token. */
export const OWN_USER = 'entramox@pve';
/** The token's name, unless said otherwise. */
export const OWN_TOKEN = 'entramox';

export interface OwnOptions {
  policy: Policy;
  /** PVE_STOP_TASKS: needs two privileges more. */
  stopsConsoles: boolean;
  owner: string;
  name: string;
  sink: DeclaredSink;
  /** Seconds since the epoch; 0: never. */
  expire: number;
}

/** All that Proxmox VE has to hold for Entramox's main work. */
export interface Wanted {
  realm: string;
  /** Full PVE names; the first is the base group, which has no role. */
  groups: readonly string[];
  /** The roles of the other groups, which are Proxmox's or the administrator's: used, never changed. */
  groupGrants: readonly GroupGrant[];
  /** What the token needs, as `doctor` asks for it. */
  needs: readonly Need[];
  /** Each with exactly one privilege. */
  roles: readonly OwnRole[];
  /** User and token as a declaration like any other, so that it is planned, made, proved and rotated like one. */
  declaration: TokenDeclaration;
}

export interface OwnRole {
  role: string;
  privilege: string;
}

/** Listings filter each group by the right on that very group, and tasks stand below their node. */
const HELD_BELOW: ReadonlySet<string> = new Set(['/access/groups', '/nodes']);
const MAIN_PRIVILEGE = 'User.Modify';

/** What a configuration asks Proxmox VE to hold. Pure. */
export function wantedOf({ policy, stopsConsoles, owner, name, sink, expire }: OwnOptions): Wanted {
  const { realm } = policy;
  const groups = managedPveGroups(policy);
  const needs = needsOf({ realm, managedGroups: groups, creates: policy.provision === 'create', stopsConsoles });
  const grants = grantsFor(needs);
  const main = grants.find(({ role }) => role === ownRole(MAIN_PRIVILEGE));
  if (!main) throw new Error('no managed group to write users of, though there is always the base group');
  const declaration: TokenDeclaration = {
    ...main,
    name,
    owner,
    privileges: [MAIN_PRIVILEGE],
    comment: 'Entramox itself',
    expire,
    // So that whatever else its owner is granted one day is not the token's.
    privsep: true,
    besides: grants.filter((grant) => grant !== main),
    rotateEveryMs: undefined,
    sink,
  };
  const roles = [...new Set(needs.map(privilegeFor))].map((privilege) => ({ role: ownRole(privilege), privilege }));
  return { realm, groups, groupGrants: groupGrants(policy), needs, roles, declaration };
}

/**
 * One role per privilege, by the names that `doctor` prints: a role with all of them would hold, wherever it is granted,
 * what is needed elsewhere alone, and User.Modify on all of /access/groups is as good as root (pve-access-control 9.1).
 */
function ownRole(privilege: string): string {
  return `Entramox-${privilege}`;
}

function privilegeFor({ anyOf: [privilege] }: Need): string {
  if (privilege === undefined) throw new Error('a need without a privilege');
  return privilege;
}

function grantsFor(needs: readonly Need[]): BesideGrant[] {
  const grants = new Map<string, BesideGrant>();
  for (const need of needs) {
    const role = ownRole(privilegeFor(need));
    const propagate = HELD_BELOW.has(need.path);
    const key = `${role} ${propagate}`;
    grants.set(key, { role, propagate, paths: [...(grants.get(key)?.paths ?? []), need.path] });
  }
  return [...grants.values()];
}
