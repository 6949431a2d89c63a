import { type Entitlement, entitlementOf } from './entitlement.js';
import type { Attributes, GroupId } from './identity.js';
import type { Policy } from './policy.js';
import type { Reading } from './reading.js';

/** What Entra says should be, derived from one reading. */
export type Desired =
  | {
      kind: 'member';
      attributes: Attributes;
      enabled: boolean;
      groups: readonly GroupId[];
      entitlement: Entitlement;
    }
  /** Proved not in scope. `positive`: one reading is enough evidence for a lock. */
  | { kind: 'outsider'; reason: string; positive: boolean; attributes?: Attributes | undefined }
  | { kind: 'unknown'; why: string };

/** Who decides about people, in words. */
export function sourceOf(policy: Policy): string {
  return policy.enforce ? 'Entra' : 'the Proxmox realm';
}

/** In scope: member of a configured group or listed by object id, and of an allowed domain. */
export function desiredOf(reading: Reading, policy: Policy): Desired {
  switch (reading.certainty) {
    case 'unknown':
      return { kind: 'unknown', why: reading.why };
    case 'absent':
      return reading.evidence === 'soft-deleted'
        ? { kind: 'outsider', reason: 'deleted in Entra', positive: true }
        : { kind: 'outsider', reason: `not found in ${sourceOf(policy)}`, positive: false };
    case 'present':
      break;
    default:
      return reading satisfies never;
  }
  const { attributes, enabled } = reading;
  const configured = new Set(policy.groupIds);
  const groups = reading.groups.filter((group) => configured.has(group));
  const inScope = !policy.enforce || groups.length > 0 || policy.userIds.includes(reading.oid);
  if (!inScope) {
    return { kind: 'outsider', reason: 'in none of the configured groups', positive: !enabled, attributes };
  }
  const domain = attributes.upn.slice(attributes.upn.lastIndexOf('@') + 1).toLowerCase();
  if (policy.allowedDomains.length > 0 && !policy.allowedDomains.includes(domain)) {
    return { kind: 'outsider', reason: `domain ${domain} is not allowed`, positive: !enabled, attributes };
  }
  return { kind: 'member', attributes, enabled, groups, entitlement: entitlementOf(groups, policy) };
}
