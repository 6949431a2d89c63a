import type { LakefsSettings } from '../../config/settings.js';
import { messageOf } from '../../domain/errors.js';
import type { LakefsView } from '../../operator/lakefs.js';
import type { LakefsClient } from '../../targets/lakefs/client.js';
import { type Check, fine, remark, skipped, wrong } from './check.js';

const NAME = 'lakefs.people';
/** So many are named. */
const NAMED = 5;

/** What the running reconciler said of lakeFS. */
export type ToldOfLakefs =
  | { kind: 'view'; view: LakefsView }
  /** It runs, and lakeFS is none of its targets. */
  | { kind: 'none' }
  | { kind: 'silent' };

/** Members without a lakeFS user, and those over whom a person must decide, as the reconciler remembers them. */
export function checkLakefsPeople({ mode, missingUsers }: LakefsSettings, told: ToldOfLakefs): Check[] {
  if (mode === 'policies-only') return [fine(NAME, 'members are left to SCIM, by LAKEFS_MODE=policies-only')];
  if (told.kind === 'silent') return [skipped(NAME, 'the reconciler does not answer, see reconciler.reach')];
  if (told.kind === 'none') {
    const saw = 'the running reconciler does not look after lakeFS, although lakefs is among the targets here';
    return [wrong(NAME, saw, 'restart it: it runs with another configuration')];
  }
  const { people, pending, pendingCount } = told.view;
  const conflicts = people.flatMap(({ upn, conflict }) => (conflict ? [{ upn, conflict }] : []));
  const failing = people.flatMap(({ upn, problem }) => (problem === undefined ? [] : [`${upn}: ${problem}`]));
  const names = pending.slice(0, NAMED).map(({ upn }) => upn);
  return [
    ...conflicts
      .slice(0, 1)
      .map(({ upn, conflict }) =>
        wrong(NAME, `${upn}: ${conflict.what}${more(conflicts.length - 1)}`, conflict.remedy),
      ),
    ...failing
      .slice(0, 1)
      .map((saw) => wrong(NAME, `${saw}${more(failing.length - 1)}`, 'entramox status tells more; entramox sweep')),
    pendingCount === 0
      ? fine(NAME, 'every member has a lakeFS user')
      : remark(
          NAME,
          `${pendingCount} members have no lakeFS user yet: ${names.join(', ')}${more(pendingCount - names.length)}`,
          mendPending(missingUsers),
        ),
  ];
}

function mendPending(missing: LakefsSettings['missingUsers']): string {
  const look = 'who signs in to lakeFS once is found within minutes, where LAKEFS_MEMBER_MATCH fits this lakeFS';
  return missing === 'pending' ? `${look}; or LAKEFS_MISSING_USERS=create or invite` : `${look}; see entramox status`;
}

/** Whether lakeFS invites people at all, where that is configured. */
export async function checkInvitations(
  { mode, missingUsers }: LakefsSettings,
  client: Pick<LakefsClient, 'capabilities'>,
  signal: AbortSignal,
): Promise<Check[]> {
  if (mode === 'policies-only' || missingUsers !== 'invite') return [];
  try {
    if ((await client.capabilities(signal)).canInvite) return [];
    const saw = 'this lakeFS cannot invite people, and LAKEFS_MISSING_USERS is invite';
    return [wrong(NAME, saw, 'set LAKEFS_MISSING_USERS to pending or create')];
  } catch (error) {
    signal.throwIfAborted();
    return [skipped(NAME, `whether this lakeFS can invite people: ${messageOf(error)}`)];
  }
}

function more(count: number): string {
  return count > 0 ? ` (and ${count} more)` : '';
}
