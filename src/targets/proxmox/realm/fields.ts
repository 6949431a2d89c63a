import type { RealmAbilities } from './abilities.js';
import { claimOf } from './claim.js';
import type { RealmDeclaration } from './declaration.js';
import { scopeNeededFor } from './entra.js';
import type { ObservedRealm } from './observe.js';

/** How a setting is compared: what is left out of it means `without`. */
type Kind = { kind: 'text' } | { kind: 'flag'; without: '0' | '1' } | { kind: 'list'; without: readonly string[] };

/** The settings of a realm that are looked after; the client key and the username-claim have rules of their own. */
const FIELDS = {
  'issuer-url': { kind: 'text' },
  'client-id': { kind: 'text' },
  scopes: { kind: 'list', without: ['email', 'profile'] },
  autocreate: { kind: 'flag', without: '0' },
  'query-userinfo': { kind: 'flag', without: '1' },
  prompt: { kind: 'text' },
  'acr-values': { kind: 'list', without: [] },
  'groups-claim': { kind: 'text' },
  'groups-overwrite': { kind: 'flag', without: '0' },
  'groups-autocreate': { kind: 'flag', without: '0' },
  audiences: { kind: 'list', without: [] },
  comment: { kind: 'text' },
} as const satisfies Record<string, Kind>;

export type FieldName = keyof typeof FIELDS;

/** Settings that are there and that nobody looks after: left as they are, and named. */
const LEFT = new Set<string>([...Object.keys(FIELDS), 'username-claim', 'default', 'tfa']);

/** One setting that differs, as it is and as it shall be; undefined: not set. */
export interface FieldChange {
  field: FieldName | 'client-key';
  is: string | undefined;
  shall: string | undefined;
}

/** What the declaration says of each setting, in PVE's words; undefined: it shall not be set. */
export function wantedFields(
  declared: RealmDeclaration,
  abilities: RealmAbilities,
): ReadonlyMap<FieldName, string | undefined> {
  const { groups, queryUserinfo, comment } = declared;
  const flag = (on: boolean | undefined) => (on === undefined ? undefined : on ? '1' : '0');
  return new Map<FieldName, string | undefined>([
    ['issuer-url', declared.issuerUrl],
    ['client-id', declared.clientId],
    ['scopes', declared.scopes.join(' ')],
    ['autocreate', flag(declared.autocreate)],
    ['prompt', declared.prompt],
    ['acr-values', listed(declared.acrValues)],
    ...(comment === undefined ? [] : [['comment', comment] as const]),
    ...(abilities.queryUserinfo ? [['query-userinfo', flag(queryUserinfo)] as const] : []),
    ...(abilities.groups
      ? ([
          ['groups-claim', groups?.claim],
          ['groups-overwrite', flag(groups?.overwrite)],
          ['groups-autocreate', flag(groups?.autocreate)],
        ] as const)
      : []),
    ...(abilities.audiences ? [['audiences', listed(declared.audiences)] as const] : []),
  ]);
}

/** The settings that differ in what they mean, not in how they are written. The client key is told as "differs". */
export function changesOf(declared: RealmDeclaration, seen: ObservedRealm, abilities: RealmAbilities): FieldChange[] {
  const changes = [
    ...differencesOf(declared, seen, abilities).filter(({ field }) => !declared.unsaid.has(field)),
    ...missingScope(declared, seen),
  ];
  return isSameKey(declared, seen)
    ? changes
    : [...changes, { field: 'client-key', is: 'another', shall: 'as declared' }];
}

/** Settings that are there, are not declared, and are other than in a new realm. */
export function undeclaredOf(
  declared: RealmDeclaration,
  seen: ObservedRealm,
  abilities: RealmAbilities,
): (FieldChange & { is: string })[] {
  return differencesOf(declared, seen, abilities).flatMap((one) =>
    declared.unsaid.has(one.field) && one.is !== undefined ? [{ ...one, is: one.is }] : [],
  );
}

/** Scopes that somebody else chose stay, but with the one that nobody can log in without. */
function missingScope({ idp, unsaid, usernameClaim }: RealmDeclaration, seen: ObservedRealm): FieldChange[] {
  const needed = idp === 'entra' ? scopeNeededFor(usernameClaim) : undefined;
  const is = seen.settings.get('scopes');
  if (needed === undefined || is === undefined || !unsaid.has('scopes')) return [];
  const scopes = partsOf(is);
  return scopes.includes(needed) ? [] : [{ field: 'scopes', is, shall: [...scopes, needed].join(' ') }];
}

function differencesOf(declared: RealmDeclaration, seen: ObservedRealm, abilities: RealmAbilities) {
  return [...wantedFields(declared, abilities)].flatMap(([field, shall]) => {
    const is = seen.settings.get(field);
    return meaningOf(field, is) === meaningOf(field, shall) ? [] : [{ field, is, shall }];
  });
}

/** Whether the key that is declared, if any, stands in Proxmox. */
function isSameKey({ clientKey }: RealmDeclaration, seen: ObservedRealm): boolean {
  return clientKey === undefined || seen.keyIsHidden === true || clientKey.reveal() === seen.clientKey?.reveal();
}

/** Whether both name the same claim; where none is set PVE takes `sub`. */
export function isSameUsernameClaim({ idp, usernameClaim }: RealmDeclaration, seen: string | undefined): boolean {
  const is = seen ?? 'subject';
  if (is === usernameClaim) return true;
  // Another provider may have a claim that is really called "username".
  return (idp !== 'generic' || claimOf(is) === 'sub') && claimOf(is) === claimOf(usernameClaim);
}

/** Settings of the realm that are none of ours, sorted. */
export function foreignFields(seen: ObservedRealm): string[] {
  return [...seen.settings.keys()].filter((name) => !LEFT.has(name)).sort();
}

function meaningOf(field: FieldName, text: string | undefined): string {
  const kind: Kind = FIELDS[field];
  switch (kind.kind) {
    case 'text':
      return text ?? '';
    case 'flag':
      return text === undefined || text === '' ? kind.without : text;
    case 'list': {
      const parts = text === undefined ? kind.without : partsOf(text);
      return [...new Set(parts)].sort().join(' ');
    }
    default:
      return kind satisfies never;
  }
}

/** PVE parts lists at commas, semicolons and white space alike (PVE::Tools::split_list). */
function partsOf(text: string): string[] {
  return text.split(/[\s,;]+/).filter(Boolean);
}

function listed(values: readonly string[]): string | undefined {
  return values.length === 0 ? undefined : values.join(',');
}
