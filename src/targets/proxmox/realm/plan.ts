import { abilitiesOf } from './abilities.js';
import type { ClientKey } from './client-key.js';
import type { RealmDeclaration } from './declaration.js';
import { changesOf, type FieldChange, wantedFields } from './fields.js';
import type { ObservedRealms } from './observe.js';
import { type RealmRefusal, refusalsOf } from './refusals.js';
import { remarksOn } from './remarks.js';

/** What Entramox itself does with the users of the realm; undefined where it leaves that realm alone. */
export interface Upkeep {
  /** The names it writes are user principal names of Entra; false: whoever is in the realm already. */
  writesUpns: boolean;
  /** It makes users before their first login. */
  creates: boolean;
}

export interface RealmPlanOptions {
  declared: RealmDeclaration;
  observed: ObservedRealms;
  upkeep: Upkeep | undefined;
  /** Somebody said that PVE shall take people out of groups although Entramox looks after them. */
  allowGroupsOverwrite: boolean;
  /** Somebody said that another issuer, or what changes people's names likewise, is meant. */
  allowNewIssuer?: boolean | undefined;
  /** Send the client key also where it cannot be seen whether it differs. */
  sendsHiddenKey?: boolean | undefined;
}

/** The one write that makes the declaration true. It holds no secret that could be printed. */
export type RealmStep =
  | { do: 'realm.create'; realm: string; fields: ReadonlyMap<string, string>; clientKey: ClientKey | undefined }
  | {
      do: 'realm.change';
      realm: string;
      changes: readonly FieldChange[];
      set: ReadonlyMap<string, string>;
      remove: readonly string[];
      /** Only where it differs. */
      clientKey: ClientKey | undefined;
      digest: string | undefined;
    };

export interface RealmPlan {
  /** undefined: everything is as declared, or a refusal is in the way. */
  step: RealmStep | undefined;
  /** Why nothing is written, each with what to do about it. */
  refusals: RealmRefusal[];
  remarks: string[];
}

/** Compares the realm with its declaration. Pure: it asks nobody and writes nothing. */
export function planRealm(options: RealmPlanOptions): RealmPlan {
  const refusals = refusalsOf(options);
  const remarks = remarksOn(options);
  return { step: refusals.length > 0 ? undefined : stepOf(options), refusals, remarks };
}

function stepOf({ declared, observed, sendsHiddenKey }: RealmPlanOptions): RealmStep | undefined {
  const { realm, clientKey, usernameClaim } = declared;
  const abilities = abilitiesOf(observed.version);
  if (!observed.realm) {
    const fields = given(wantedFields(declared, abilities));
    fields.set('username-claim', usernameClaim);
    return { do: 'realm.create', realm, fields, clientKey };
  }
  const changes = changesOf(declared, observed.realm, abilities);
  // The hidden key is the one of what stood there, and another client cannot log anybody in with it.
  const isAnother = changes.some(({ field }) => field === 'issuer-url' || field === 'client-id');
  if ((sendsHiddenKey || isAnother) && observed.realm.keyIsHidden && clientKey) {
    changes.push({ field: 'client-key', is: undefined, shall: 'as declared' });
  }
  if (changes.length === 0) return undefined;
  const differing = new Set<string>(changes.map(({ field }) => field));
  const set = new Map(
    changes.flatMap(({ field, shall }) =>
      field === 'client-key' || shall === undefined ? [] : [[field, shall] as const],
    ),
  );
  const remove = changes.filter(({ shall }) => shall === undefined).map(({ field }) => field);
  const key = differing.has('client-key') ? clientKey : undefined;
  return { do: 'realm.change', realm, changes, set, remove, clientKey: key, digest: observed.realm.digest };
}

function given(fields: ReadonlyMap<string, string | undefined>): Map<string, string> {
  return new Map([...fields].filter((field): field is [string, string] => field[1] !== undefined));
}
