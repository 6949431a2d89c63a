import type { Attributes, GroupId, ObjectId } from './identity.js';

/** The identity exists in Entra, and every field that a decision rests on was readable. */
export interface PresentReading {
  certainty: 'present';
  oid: ObjectId;
  attributes: Attributes;
  enabled: boolean;
  /** Those of the configured groups that contain the identity, directly or through nested groups. */
  groups: readonly GroupId[];
  /** Groups for lakeFS of which this could not be told this time, and why. What accounts rest on was told. */
  unclear?: { groups: readonly GroupId[]; why: string } | undefined;
}

/**
 * Entra proved that the identity is not there. `soft-deleted`: found in deletedItems (positive evidence);
 * `not-found`: in neither place, which a lagging replica may say as well, so it needs a second reading.
 */
export interface AbsentReading {
  certainty: 'absent';
  oid: ObjectId;
  evidence: 'soft-deleted' | 'not-found';
}

/** Nothing can be concluded: an error, a time-out, or an answer with missing fields. Never a reason to remove. */
export interface UnknownReading {
  certainty: 'unknown';
  oid: ObjectId;
  why: string;
}

export type Reading = PresentReading | AbsentReading | UnknownReading;

/** What one configured group's listing said in a sweep. */
export type GroupReading =
  | { certainty: 'present'; members: number }
  /** `mend`: what an operator can do, where that is known. */
  | { certainty: 'unknown'; why: string; mend?: string | undefined };

/** Everything in scope, as one listing of every configured group and every configured user. */
export interface ScopeReading {
  groups: ReadonlyMap<GroupId, GroupReading>;
  /** Listed identities only. Whoever is missing here is read singly before anything is concluded. */
  identities: ReadonlyMap<ObjectId, PresentReading | UnknownReading>;
}

/** Where the truth about people comes from. */
export interface Directory {
  /**
   * One reading for each object id, in the order asked; never throws for a single identity.
   * Throws SourceUnavailable when the source as a whole cannot be asked (no token, no connection).
   */
  readIdentities(oids: readonly ObjectId[], signal: AbortSignal): Promise<Reading[]>;
  /** The wide read of a sweep; with `only`, of these groups alone. Throws SourceUnavailable when nothing could be read at all. */
  readScope(signal: AbortSignal, only?: readonly GroupId[]): Promise<ScopeReading>;
  /** Of these groups, those that provably exist. A group that is missing in the answer is gone or unreadable. */
  existingGroups(groups: readonly GroupId[], signal: AbortSignal): Promise<ReadonlySet<GroupId>>;
  /** The object id that carries this user principal name now; undefined where nobody does. */
  findByUpn(upn: string, signal: AbortSignal): Promise<ObjectId | undefined>;
}
