import type { GroupId } from '../domain/identity.js';
import type { LakefsMode, LakefsSelection, MissingUsers } from '../domain/lakefs.js';
import { emptyLakefsRecord, type LakefsRecord } from '../domain/plan-lakefs-record.js';
import type { Ledger } from '../ledger/ledger.js';
import type { LakefsTarget } from '../targets/lakefs/target.js';
import type { LakefsPatience } from './lakefs-patience.js';

/** lakeFS as a target. */
export type LakefsPort = Omit<LakefsTarget, 'close'>;

/** What the configuration says of lakeFS, and which Entra groups it is given. */
export interface LakefsRules {
  mode: LakefsMode;
  missing: MissingUsers;
  /** Entra groups whose lakeFS group of the same name is ours although it carries no mark. */
  adopt: ReadonlySet<GroupId>;
  /** undefined: groups are never deleted. */
  deleteAfterMs: number | undefined;
  /** Reads which groups Entra has for lakeFS. Never throws but when aborted. */
  select(signal: AbortSignal): Promise<LakefsSelection>;
  groups: LakefsGroups;
  /** Default: PATIENCE. */
  patience?: LakefsPatience | undefined;
}

/** The Entra groups whose members are read for lakeFS; the list changes while we run. */
export interface LakefsGroups {
  ids(): readonly GroupId[];
  /** After a complete selection. */
  selected(ids: readonly GroupId[]): void;
}

/** Before the first selection those that the ledger knows. `hasMembers`: false: members are not ours to look after. */
export function createLakefsGroups(ledger: Pick<Ledger, 'data'>, hasMembers: boolean): LakefsGroups {
  let latest: readonly GroupId[] | undefined;
  return {
    ids() {
      if (!hasMembers) return [];
      return latest ?? openGroups(ledger.data.lakefs ?? emptyLakefsRecord());
    },
    selected(ids) {
      latest = [...new Set(ids)];
    },
  };
}

function openGroups({ groups }: LakefsRecord): GroupId[] {
  return Object.values(groups).flatMap(({ groupId, graceSince }) => (graceSince === undefined ? [groupId] : []));
}

/** The part of the ledger about lakeFS, to be read only; empty where there is none yet. */
export function lakefsRecord({ data }: Pick<Ledger, 'data'>): LakefsRecord {
  return data.lakefs ?? emptyLakefsRecord();
}

/** The same, to be written: in memory, the caller saves it. */
export function writableLakefsRecord(ledger: Pick<Ledger, 'data' | 'changed'>): LakefsRecord {
  const { data } = ledger;
  data.lakefs ??= emptyLakefsRecord();
  ledger.changed();
  return data.lakefs;
}
