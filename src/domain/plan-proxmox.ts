import { baseGroup, managedPveGroups, pveGroupOf, sorted } from './entitlement.js';
import type { Attributes } from './identity.js';
import type { LedgerEntry } from './ledger-entry.js';
import type { Wanted } from './lifecycle.js';
import type { TargetPlan } from './plan.js';
import type { Policy } from './policy.js';
import { commentFor, retiredComment } from './proxmox-comment.js';
import { isStorableEmail } from './proxmox-name.js';
import type { ProxmoxUser, Sight } from './sight.js';
import type { ProxmoxFields, ProxmoxStep } from './step.js';

type Change = Extract<ProxmoxStep, { action: 'update' }>['change'];

/** The one step, or none, that brings one Proxmox user to what is wanted. */
export function planProxmox(
  entry: LedgerEntry,
  wanted: Wanted,
  attributes: Attributes | undefined,
  sight: Sight<ProxmoxUser>,
  name: string,
  policy: Policy,
): TargetPlan {
  switch (sight.certainty) {
    case 'unknown':
      return { steps: [], unknown: sight.why };
    case 'foreign':
      return wanted.presence === 'active' || isLost(entry, name, sight)
        ? { steps: [], conflict: sight }
        : { steps: [] };
    case 'absent':
      if (wanted.presence !== 'active' || policy.provision === 'existing') return { steps: [] };
      return { steps: [createStep(entry, wanted, attributes, name, policy)] };
    case 'present':
      return {
        steps: updateSteps(entry, sight.value, fieldsFor(entry, wanted, attributes, sight.value, policy), policy),
      };
    default:
      return sight satisfies never;
  }
}

/** It was this person's, somebody took our mark off it, and it is still open: nobody but a person can lock it now. */
function isLost(
  entry: LedgerEntry,
  name: string,
  sight: Extract<Sight<ProxmoxUser>, { certainty: 'foreign' }>,
): boolean {
  return entry.names.proxmox === name && sight.adoptable?.enabled === true;
}

/** Disables and marks a userid whose person now has another one. */
export function planRetired(
  entry: LedgerEntry,
  successor: string,
  sight: Sight<ProxmoxUser>,
  policy: Policy,
): TargetPlan {
  if (sight.certainty === 'unknown') return { steps: [], unknown: sight.why };
  if (sight.certainty !== 'present') return { steps: [] };
  const fields: ProxmoxFields = {
    ...sight.value,
    enabled: false,
    comment: retiredComment(entry.oid, successor),
    groups: [baseGroup(policy.realm)],
  };
  return { steps: updateSteps(entry, sight.value, fields, policy) };
}

function createStep(
  entry: LedgerEntry,
  wanted: Wanted,
  attributes: Attributes | undefined,
  name: string,
  policy: Policy,
): ProxmoxStep {
  const fields = fieldsFor(entry, wanted, attributes, undefined, policy);
  return { target: 'proxmox', action: 'create', effect: 'create', oid: entry.oid, name, fields };
}

function fieldsFor(
  entry: LedgerEntry,
  wanted: Wanted,
  attributes: Attributes | undefined,
  observed: ProxmoxUser | undefined,
  policy: Policy,
): ProxmoxFields {
  return {
    enabled: wanted.presence === 'active',
    comment: commentFor(entry.oid, wanted, entry.reason),
    // Without fresh attributes (a leaver that is gone from Entra) what stands there stays.
    firstName: attributes ? (attributes.givenName ?? '') : (observed?.firstName ?? ''),
    lastName: attributes ? (attributes.surname ?? '') : (observed?.lastName ?? ''),
    email: attributes ? storableMail(attributes.mail) : (observed?.email ?? ''),
    groups: wanted.presence === 'active' ? wanted.entitlement.pveGroups : [baseGroup(policy.realm)],
  };
}

/** A mail that PVE refuses is left out, not fought over. */
function storableMail(mail: string | undefined): string {
  return mail && isStorableEmail(mail) ? mail : '';
}

function updateSteps(entry: LedgerEntry, observed: ProxmoxUser, fields: ProxmoxFields, policy: Policy): ProxmoxStep[] {
  const managed = new Set(managedPveGroups(policy));
  const foreign = observed.groups.filter((group) => !managed.has(group));
  const ours = observed.groups.filter((group) => managed.has(group));
  const change: Change = {};
  if (observed.enabled !== fields.enabled) change.enabled = fields.enabled;
  if (observed.comment !== fields.comment) change.comment = fields.comment;
  if (observed.firstName !== fields.firstName) change.firstName = fields.firstName;
  if (observed.lastName !== fields.lastName) change.lastName = fields.lastName;
  if (observed.email !== fields.email) change.email = fields.email;
  const lost = ours.filter((group) => !fields.groups.includes(group));
  const gainsGroups = fields.groups.some((group) => !ours.includes(group));
  // Taking a group away means writing the whole list, which needs rights on foreign groups that our token lacks.
  // A disabled user has no use of its groups, so disabling never depends on that.
  const takes = lost.length > 0 && (foreign.length === 0 || fields.enabled);
  if (Object.keys(change).length === 0 && !takes && !gainsGroups) return [];
  // The role of all users gives way to any other role: who gets a better one instead loses nothing.
  const fallback = policy.allUsers?.pveRole ? pveGroupOf(policy.allUsers, policy.realm) : undefined;
  const loses = takes && !(gainsGroups && lost.every((group) => group === fallback));
  const effect =
    change.enabled === false ? 'lock' : loses ? 'revoke' : change.enabled || takes || gainsGroups ? 'grant' : 'touch';
  const append = foreign.length > 0 && !takes;
  const groups = append ? fields.groups : sorted([...foreign, ...fields.groups]);
  const { enabled, comment, firstName, lastName, email } = observed;
  return [
    {
      target: 'proxmox',
      action: 'update',
      effect,
      oid: entry.oid,
      name: observed.userid,
      change,
      groups,
      append,
      before: { enabled, comment, firstName, lastName, email, groups: observed.groups },
    },
  ];
}
