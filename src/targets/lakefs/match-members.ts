import type { ObjectId } from '../../domain/identity.js';
import type { MemberStrategy } from '../../domain/lakefs.js';
import type { UserMatch } from '../../domain/plan-lakefs-sight.js';
import type { LakefsUser } from './schema.js';

/** What a strategy may fill in. */
export interface Person {
  oid: ObjectId;
  upn: string;
  mail?: string | undefined;
}

/** lakeFS users by what they are found by. */
export interface UserIndex {
  find(field: MemberStrategy['field'], value: string): readonly string[];
}

/** Addresses and names are compared without regard to case, as Entra does; ids are exact, as in lakeFS. */
export function indexUsers(users: readonly LakefsUser[]): UserIndex {
  const byField = { id: new Map<string, Set<string>>(), email: new Map(), 'friendly-name': new Map() };
  const note = (field: MemberStrategy['field'], value: string | undefined, user: string) => {
    if (!value) return;
    const key = keyOf(field, value);
    const known = byField[field].get(key) ?? new Set<string>();
    byField[field].set(key, known.add(user));
  };
  for (const { id, email, friendlyName } of users) {
    note('id', id, id);
    note('email', email, id);
    note('friendly-name', friendlyName, id);
  }
  return { find: (field, value) => [...(byField[field].get(keyOf(field, value)) ?? [])] };
}

function keyOf(field: MemberStrategy['field'], value: string): string {
  return field === 'id' ? value : value.toLowerCase();
}

/** The text that a strategy looks for; undefined where the person lacks what it needs. */
export function fillTemplate({ template }: MemberStrategy, person: Person): string | undefined {
  let lacks = false;
  const text = template.replaceAll(/\{(oid|upn|mail)\}/g, (_, name: 'oid' | 'upn' | 'mail') => {
    const value = person[name];
    lacks ||= value === undefined || value === '';
    return value ?? '';
  });
  return lacks || text === '' ? undefined : text;
}

/** The lakeFS user of a person: the first strategy that finds anybody decides, and finding several is a conflict. */
export function matchUser(index: UserIndex, strategies: readonly MemberStrategy[], person: Person): UserMatch {
  for (const strategy of strategies) {
    const value = fillTemplate(strategy, person);
    const users = value === undefined ? [] : index.find(strategy.field, value);
    const match = matchOf(strategy, users);
    if (match) return match;
  }
  return { kind: 'none' };
}

/** What one strategy found; undefined: nobody, so the next one is asked. */
export function matchOf({ text }: MemberStrategy, users: readonly string[]): UserMatch | undefined {
  const [user, ...others] = users;
  if (user === undefined) return undefined;
  return others.length === 0 ? { kind: 'one', user } : { kind: 'several', users: [...users].sort(), strategy: text };
}

/** The id that a user made for this person gets: an address for an invitation, else what the first id strategy says. */
export function newUserId(
  strategies: readonly MemberStrategy[],
  person: Person,
  how: 'create' | 'invite',
): string | undefined {
  // lakeFS: an invited user's id is an e-mail address in lower case.
  if (how === 'invite') return person.mail?.toLowerCase() || undefined;
  const byId = strategies.find(({ field }) => field === 'id');
  return byId ? fillTemplate(byId, person) : person.upn;
}
