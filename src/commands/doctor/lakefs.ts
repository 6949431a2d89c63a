import type { LakefsSettings } from '../../config/settings.js';
import { messageOf } from '../../domain/errors.js';
import type { LakefsSelection } from '../../domain/lakefs.js';
import type { LakefsClient, LakefsGroup } from '../../targets/lakefs/client.js';
import { LakefsError } from '../../targets/lakefs/errors.js';
import { type Check, fine, remark, skipped, unreachable, wrong } from './check.js';
import { checkManaged } from './lakefs-managed.js';
import { checkInvitations, checkLakefsPeople, type ToldOfLakefs } from './lakefs-people.js';
import { checkBeyond, checkRights, isOf, lookInside, type Reads } from './lakefs-rights.js';

export interface LakefsPorts {
  settings: LakefsSettings;
  client: LakefsClient;
  /** Which Entra groups lakeFS should have; undefined where Entra is not asked. */
  select: ((signal: AbortSignal) => Promise<LakefsSelection>) | undefined;
  /** Why lakeFS itself is not asked; undefined: it is. */
  blocked: Promise<string | undefined>;
  /** What the running reconciler says of lakeFS. */
  told: Promise<ToldOfLakefs>;
}

const KEY_PAGE = 'lakeFS, Administration, Users: the user of LAKEFS_ACCESS_KEY_ID, its credentials and policies';

/** Whether lakeFS is a target, and what of its settings has no effect. */
export function checkLakefsSettings(settings: LakefsSettings | undefined, given: readonly string[]): Check {
  const name = 'lakefs.settings';
  if (settings) {
    const groups = settings.source === 'filter' ? `names that match ${settings.filter}` : settings.source;
    return fine(name, `${settings.endpoint ?? ''}, ${settings.mode}, groups by ${groups}`);
  }
  if (given.length === 0) return fine(name, 'lakeFS is not a target');
  const are = given.length > 1 ? 'are' : 'is';
  return remark(
    name,
    `${given.join(', ')} ${are} set, but lakeFS is not a target`,
    'set LAKEFS_ENDPOINT and name lakefs in TARGETS where that is set, or remove these settings',
  );
}

/** What is told of lakeFS once its key is taken. */
const INSIDE = ['lakefs.kind', 'lakefs.rights', 'lakefs.beyond', 'lakefs.policies', 'lakefs.managed'] as const;

/** The key, the kind of access control, what may be read, the declared policies, groups and people. Writes nothing. */
export async function checkLakefs(ports: LakefsPorts, signal: AbortSignal): Promise<Check[]> {
  const { settings, client, select, told } = ports;
  const selecting = select ? select(signal) : Promise.resolve(undefined);
  const blocked = await ports.blocked;
  const access = blocked === undefined ? await checkAccess(client, signal) : undefined;
  const because = access?.check.state === 'fine' ? undefined : 'lakeFS does not let us in, see lakefs.access';
  const inside =
    access?.user === undefined
      ? INSIDE.map((name) => skipped(name, blocked ?? because ?? 'lakeFS does not say who we are'))
      : await checkInside(ports, access.user, await selecting, signal);
  return [
    access?.check ?? skipped('lakefs.access', blocked ?? ''),
    ...inside,
    checkGroups(await selecting),
    ...(access?.user === undefined ? [] : await checkInvitations(settings, client, signal)),
    ...checkLakefsPeople(settings, await told),
  ];
}

async function checkAccess(
  { host, accessKeyId, currentUser }: LakefsClient,
  signal: AbortSignal,
): Promise<{ check: Check; user: string | undefined }> {
  const name = 'lakefs.access';
  try {
    const { id } = await currentUser(signal);
    return { check: fine(name, `${host} takes the key ${accessKeyId}, of the user ${id}`), user: id };
  } catch (error) {
    signal.throwIfAborted();
    const refused = `LAKEFS_ACCESS_KEY_ID and LAKEFS_SECRET_ACCESS_KEY; ${KEY_PAGE}`;
    if (!(error instanceof LakefsError)) {
      return { check: unreachable(name, messageOf(error), 'check LAKEFS_ENDPOINT and CA_FILE'), user: undefined };
    }
    // Nobody needs a permission to ask who they are, so here 401 has one meaning.
    const saw =
      error.kind === 'refused'
        ? `lakeFS at ${host} does not take the key ${accessKeyId}: no such key, or another secret (${error.status})`
        : error.message;
    return { check: wrong(name, saw, refused), user: undefined };
  }
}

async function checkInside(
  { settings, client, told }: LakefsPorts,
  user: string,
  selection: LakefsSelection | undefined,
  signal: AbortSignal,
): Promise<Check[]> {
  const reads = await lookInside(settings, client, user, signal);
  const kind = checkKind(settings, reads);
  if (isOf('no-rbac')(reads.groups)) {
    const rest = INSIDE.filter((name) => name !== 'lakefs.kind');
    return [kind, ...rest.map((name) => skipped(name, 'this lakeFS has no groups, see lakefs.kind'))];
  }
  const heard = await told;
  const view = heard.kind === 'view' ? heard.view : undefined;
  return [
    kind,
    checkRights(client, reads),
    checkBeyond(user, reads),
    checkPolicies(settings, reads),
    ...managed(settings, selection, reads.groups.kind === 'answer' ? reads.groups.value : undefined, view),
  ];
}

function managed(
  settings: LakefsSettings,
  selection: LakefsSelection | undefined,
  groups: readonly LakefsGroup[] | undefined,
  view: Parameters<typeof checkManaged>[0]['view'],
): Check[] {
  const name = 'lakefs.managed';
  if (selection?.certainty !== 'complete')
    return [skipped(name, 'which groups are wanted is not known, see lakefs.groups')];
  if (!groups) return [skipped(name, 'the groups of lakeFS cannot be listed, see lakefs.rights')];
  return checkManaged({ settings, selection, groups, view });
}

function checkKind({ mode, defaultAcl, mapping }: LakefsSettings, { groups, policies }: Reads): Check {
  const name = 'lakefs.kind';
  if (isOf('no-rbac')(groups)) {
    const mend = 'use lakeFS Cloud, lakeFS Enterprise or an ACL server, or leave lakefs out of TARGETS';
    return wrong(name, 'this lakeFS has no RBAC: it has no groups at all', mend);
  }
  if (!policies) return fine(name, `it has groups; what they may do is left to people, by LAKEFS_MODE=${mode}`);
  if (!isOf('no-policies')(policies)) {
    if (policies.kind === 'answer') return fine(name, 'groups have policies');
    return skipped(name, 'whether its groups have policies or ACLs cannot be seen', 'see lakefs.rights');
  }
  if (defaultAcl || mapping.some(({ acl }) => acl)) return fine(name, 'groups have ACLs (simplified access control)');
  const saw =
    'groups have ACLs (simplified access control), and none is configured: members of a new group get nothing';
  return remark(name, saw, 'set LAKEFS_DEFAULT_ACL, or acl in LAKEFS_MAPPING_FILE');
}

function checkPolicies(settings: LakefsSettings, { policies }: Reads): Check {
  const name = 'lakefs.policies';
  if (!policies) return fine(name, `left to people, by LAKEFS_MODE=${settings.mode}`);
  if (isOf('no-policies')(policies)) return fine(name, 'this lakeFS has none, its groups get ACLs');
  if (policies.kind === 'error')
    return skipped(name, 'the policies of this lakeFS cannot be listed', 'see lakefs.kind and lakefs.rights');
  const existing = policies.value;
  const declared = [...settings.defaultPolicies, ...settings.mapping.flatMap(({ policies }) => policies ?? [])];
  const missing = [...new Set(declared)].filter((policy) => !existing.includes(policy));
  if (missing.length === 0)
    return fine(name, `all that are declared exist (${[...new Set(declared)].join(', ') || 'none'})`);
  const mend = `create ${missing.length > 1 ? 'them' : 'it'} in lakeFS (Administration, Policies), or correct LAKEFS_DEFAULT_POLICIES and LAKEFS_MAPPING_FILE`;
  return wrong(name, `lakeFS has no policy ${missing.join(', ')}`, mend);
}

function checkGroups(selection: LakefsSelection | undefined): Check {
  const name = 'lakefs.groups';
  if (!selection) return skipped(name, 'Entra is not asked', 'set GRAPH_ENFORCE=true');
  if (selection.certainty === 'unknown') {
    return unreachable(name, selection.why, selection.mend ?? 'see what else the doctor says of Microsoft Graph');
  }
  const { wanted, conflicts, absent = [] } = selection;
  const [conflict] = conflicts;
  if (conflict) {
    const more = conflicts.length > 1 ? ` (and ${conflicts.length - 1} more conflicts)` : '';
    return wrong(name, `${conflict.why}${more}`, conflict.remedy);
  }
  if (absent.length > 0) {
    const ids = `${absent.slice(0, 5).join(', ')}${absent.length > 5 ? ` and ${absent.length - 5} more` : ''}`;
    const mend = 'correct LAKEFS_GROUP_IDS and LAKEFS_MAPPING_FILE, or take out what was deleted';
    return remark(name, `${wanted.length} groups of Entra are wanted in lakeFS; Entra has none of the id ${ids}`, mend);
  }
  if (wanted.length > 0) return fine(name, `${wanted.length} groups of Entra are wanted in lakeFS`);
  return remark(
    name,
    'no group of Entra is wanted in lakeFS',
    'look at GROUP_FILTER, LAKEFS_GROUP_SOURCE and LAKEFS_MAPPING_FILE',
  );
}
