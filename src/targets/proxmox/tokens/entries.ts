import type { TokenDeclaration } from './declaration.js';
import type { AclEntry } from './observed.js';

export function fullId({ owner, name }: Pick<TokenDeclaration, 'owner' | 'name'>): string {
  return `${owner}!${name}`;
}

/** The entries of the access control list that a declaration asks for. */
export function entriesOf(token: TokenDeclaration): AclEntry[] {
  const { owner, privsep } = token;
  return [token, ...(token.besides ?? [])].flatMap(({ role, paths, propagate }) =>
    paths.flatMap((path): AclEntry[] => {
      const own: AclEntry = { path, type: 'user', ugid: owner, roleid: role, propagate };
      // With privilege separation a right counts only where both have it.
      return privsep ? [own, { ...own, type: 'token', ugid: fullId(token) }] : [own];
    }),
  );
}

/** The same right for the same holder; whether it propagates may differ. */
export function isSameGrant(a: AclEntry, b: AclEntry): boolean {
  return a.path === b.path && a.type === b.type && a.ugid === b.ugid && a.roleid === b.roleid;
}

export function isSameEntry(a: AclEntry, b: AclEntry): boolean {
  return isSameGrant(a, b) && a.propagate === b.propagate;
}
