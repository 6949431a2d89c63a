import type { GroupId } from './identity.js';
import type { Policy } from './policy.js';
import type { Reading } from './reading.js';

/** Of which groups Entra says that somebody should be a member in lakeFS. */
export type LakefsWish =
  | { kind: 'unknown'; why: string }
  | {
      kind: 'known';
      wanted: ReadonlySet<GroupId>;
      /** Groups of which this cannot be told: nothing is taken away there. */
      unclear: ReadonlySet<GroupId>;
      /** Disabled, or found among the deleted: one reading is enough to take everything away. */
      proved: boolean;
      /** Why that could not be told of some groups by this reading, so that it is tried again. */
      lacks?: string | undefined;
    };

const NONE: ReadonlySet<GroupId> = new Set();

/**
 * What one reading says of somebody's memberships. `groups`: those that lakeFS is given; `unclear`: those of them that
 * could not be read. Whoever is disabled or in a domain that is not allowed is wanted nowhere.
 */
export function lakefsWishOf(
  reading: Reading,
  policy: Pick<Policy, 'allowedDomains'>,
  groups: ReadonlySet<GroupId>,
  unclear: ReadonlySet<GroupId>,
): LakefsWish {
  switch (reading.certainty) {
    case 'unknown':
      return { kind: 'unknown', why: reading.why };
    case 'absent':
      return { kind: 'known', wanted: NONE, unclear: NONE, proved: reading.evidence === 'soft-deleted' };
    case 'present':
      break;
    default:
      return reading satisfies never;
  }
  if (!reading.enabled) return { kind: 'known', wanted: NONE, unclear: NONE, proved: true };
  const { upn } = reading.attributes;
  const domain = upn.slice(upn.lastIndexOf('@') + 1).toLowerCase();
  if (policy.allowedDomains.length > 0 && !policy.allowedDomains.includes(domain)) {
    return { kind: 'known', wanted: NONE, unclear: NONE, proved: false };
  }
  const wanted = new Set(reading.groups.filter((group) => groups.has(group)));
  const lacking = reading.unclear?.groups.filter((group) => groups.has(group)) ?? [];
  if (lacking.length === 0) return { kind: 'known', wanted, unclear, proved: false };
  const both = new Set([...unclear, ...lacking]);
  return { kind: 'known', wanted, unclear: both, proved: false, lacks: reading.unclear?.why };
}
