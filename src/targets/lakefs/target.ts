import type { GroupId, ObjectId } from '../../domain/identity.js';
import type { LakefsMode, MemberStrategy, MissingUsers } from '../../domain/lakefs.js';
import type { LakefsPersonSight } from '../../domain/plan-lakefs-sight.js';
import type { LakefsStep } from '../../domain/step.js';
import { apply, type LakefsDone } from './apply.js';
import type { LakefsClient } from './client.js';
import { LakefsError } from './errors.js';
import { indexUsers, matchUser, newUserId, type Person } from './match-members.js';
import { type GroupAsk, type LakefsSurvey, type PersonAsk, survey } from './observe.js';
import { observePeople } from './people.js';

/** lakeFS as a target. */
export interface LakefsTarget {
  /** What a sweep looks at; see `survey` for its errors. */
  survey(asks: readonly GroupAsk[], signal: AbortSignal): Promise<LakefsSurvey>;
  /** A few people, singly; see `observePeople`. */
  people(
    asks: readonly PersonAsk[],
    places: ReadonlyMap<string, GroupId>,
    signal: AbortSignal,
  ): Promise<Map<ObjectId, LakefsPersonSight>>;
  /** See `apply`. */
  apply(step: LakefsStep, groupId: string | undefined, signal: AbortSignal): Promise<LakefsDone>;
  /** The lakeFS user that our key belongs to. Asked once; throws as the client does. */
  ownUser(signal: AbortSignal): Promise<string>;
  /** The id that a user made for this person would get; undefined where the person lacks what it needs. */
  newUser(person: Person): string | undefined;
  /** Those of these people for whom lakeFS has a user, by one listing of all; throws as the client does. */
  matched(people: readonly Person[], signal: AbortSignal): Promise<ObjectId[]>;
  /** Whether an error says that this lakeFS has no groups at all, so that trying again is of no use. */
  hasNoGroups(error: unknown): boolean;
  close(): Promise<void>;
}

export interface LakefsTargetOptions {
  client: LakefsClient;
  mode: LakefsMode;
  strategies: readonly MemberStrategy[];
  missing: MissingUsers;
}

export function createLakefsTarget({ client, mode, strategies, missing }: LakefsTargetOptions): LakefsTarget {
  const options = { client, strategies, members: mode !== 'policies-only', policies: mode !== 'members-only' };
  let own: string | undefined;
  return {
    survey: (asks, signal) => survey(options, asks, signal),
    people: (asks, places, signal) => observePeople(options, asks, places, signal),
    apply: (step, groupId, signal) => apply(client, step, groupId, signal),
    async ownUser(signal) {
      own ??= (await client.currentUser(signal)).id;
      return own;
    },
    newUser: (person) => (missing === 'pending' ? undefined : newUserId(strategies, person, missing)),
    async matched(people, signal) {
      const index = indexUsers(await client.listUsers(signal));
      return people.filter((person) => matchUser(index, strategies, person).kind !== 'none').map(({ oid }) => oid);
    },
    hasNoGroups: (error) => error instanceof LakefsError && error.kind === 'no-rbac',
    close: () => client.close(),
  };
}
