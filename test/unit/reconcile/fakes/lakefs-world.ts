import type { GroupId, ObjectId } from '../../../../src/domain/identity.js';
import type {
  LakefsConflict,
  LakefsMode,
  LakefsSelection,
  LakefsWanted,
  MemberStrategy,
  MissingUsers,
} from '../../../../src/domain/lakefs.js';
import type { LakefsRecord } from '../../../../src/domain/plan-lakefs-record.js';
import type { Policy } from '../../../../src/domain/policy.js';
import { createLakefsGroups, lakefsRecord } from '../../../../src/reconcile/lakefs-port.js';
import type { LakefsClient } from '../../../../src/targets/lakefs/client.js';
import { createLakefsTarget } from '../../../../src/targets/lakefs/target.js';
import type { Person } from './directory.js';
import { createFakeLakefs, type FakeLakefs } from './lakefs.js';
import { createFakeWorld, type FakeWorld } from './world.js';

export const DATA = 'dddddddd-dddd-4ddd-8ddd-dddddddddddd';
export const OPS = 'eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee';

/** A world with lakeFS, whose users are found as `waad|<oid>`, then by address. */
export interface LakefsWorld extends FakeWorld {
  lakefs: FakeLakefs;
  /** What Entra has for lakeFS. */
  wanted: LakefsWanted[];
  blocked: LakefsConflict[];
  /** Why that cannot be read. */
  unread: string | undefined;
  selections: number;
  record(): LakefsRecord;
  /** Somebody in these groups, with a lakeFS user. */
  join(oid: ObjectId, upn: string, groups: GroupId[]): Person;
}

export interface LakefsWorldOptions {
  policy?: Partial<Policy>;
  dryRun?: boolean;
  mode?: LakefsMode;
  missing?: MissingUsers;
  adopt?: GroupId[];
  deleteAfterMs?: number | undefined;
  /** Default: a fake in memory. */
  client?: LakefsClient;
}

export const STRATEGIES: readonly MemberStrategy[] = [
  { field: 'id', template: 'waad|{oid}', text: 'id-template:waad|{oid}' },
  { field: 'email', template: '{upn}', text: 'email:{upn}' },
];

export function wantedGroup(groupId: GroupId, name: string, change: Partial<LakefsWanted> = {}): LakefsWanted {
  return { groupId, displayName: name, lakefsName: name, policies: ['FSReadAll'], ...change };
}

export async function createLakefsWorld(options: LakefsWorldOptions = {}): Promise<LakefsWorld> {
  const { mode = 'full', missing = 'pending', adopt = [] } = options;
  const rules: Partial<Policy> = { targets: ['linux', 'proxmox', 'lakefs'], ...options.policy };
  const world = await createFakeWorld({ policy: rules, dryRun: options.dryRun ?? false });
  const lakefs = createFakeLakefs();
  const extra: Omit<LakefsWorld, keyof FakeWorld> = {
    lakefs,
    wanted: [wantedGroup(DATA, 'Data'), wantedGroup(OPS, 'Ops')],
    blocked: [],
    unread: undefined,
    selections: 0,
    record: () => lakefsRecord(all.ctx.ledger),
    join(oid, upn, groups) {
      lakefs.addUser(`waad|${oid}`);
      return world.directory.add({ oid, upn, groups });
    },
  };
  const all: LakefsWorld = Object.assign(world, extra);
  const select = async (): Promise<LakefsSelection> => {
    all.selections += 1;
    if (all.unread !== undefined) return { certainty: 'unknown', why: all.unread };
    return { certainty: 'complete', wanted: all.wanted, conflicts: all.blocked };
  };
  const attach = () => {
    all.ctx.targets = {
      ...all.ctx.targets,
      lakefs: createLakefsTarget({ client: options.client ?? lakefs.client, mode, strategies: STRATEGIES, missing }),
    };
    const groups = createLakefsGroups(all.ctx.ledger, mode !== 'policies-only');
    const deleteAfterMs = 'deleteAfterMs' in options ? options.deleteAfterMs : 24 * 3_600_000;
    all.ctx.lakefs = { mode, missing, adopt: new Set(adopt), deleteAfterMs, select, groups };
  };
  attach();
  const { restart } = world;
  all.restart = async () => {
    await restart();
    attach();
  };
  const { groupIds } = all.ctx.policy;
  Object.defineProperty(all.directory, 'groups', {
    get: () => [...groupIds, ...(all.ctx.lakefs?.groups.ids() ?? [])],
  });
  return all;
}
