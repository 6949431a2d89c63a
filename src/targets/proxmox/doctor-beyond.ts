import type { ProxmoxClient } from './client.js';
import { type Finding, findingOf } from './doctor-finding.js';
import type { Need } from './rights.js';
import { permissionTree } from './schema.js';
import { shellQuote } from './text.js';

export interface BeyondOptions {
  client: ProxmoxClient;
  needs: readonly Need[];
}

/** Privileges that only show something. */
const HARMLESS = /\.Audit$/;
const SHOWN = 6;

/**
 * What the token may do that no task of ours needs. User.Modify on all of /access/groups, Permissions.Modify and
 * Realm.Allocate each make their holder an administrator.
 */
export async function checkBeyond({ client, needs }: BeyondOptions, signal: AbortSignal): Promise<Finding> {
  const tree = await client.get({ route: '/access/permissions' }, permissionTree, signal);
  const excess = Object.entries(tree)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([path, privileges]) => {
      const wanted = needs.filter((need) => need.path === path).flatMap(({ anyOf }) => anyOf);
      // Either of two is enough to see everybody, but to write them all is no reading.
      const allowed = path === '/access/groups' ? wanted.filter((privilege) => HARMLESS.test(privilege)) : wanted;
      return Object.keys(privileges)
        .filter((privilege) => !HARMLESS.test(privilege) && !allowed.includes(privilege))
        .map((privilege) => `${privilege} on ${path}`);
    });
  if (excess.length === 0) return findingOf('beyond', 'fine', 'the API token may write nothing else');
  const more = excess.length > SHOWN ? ` and ${excess.length - SHOWN} more` : '';
  return findingOf(
    'beyond',
    'remark',
    `the API token also holds ${excess.slice(0, SHOWN).join(', ')}${more}`,
    `see whose roles give it: pveum user token permissions ${shellQuote(client.tokenOwner)} ${shellQuote(client.tokenId.split('!')[1] ?? '')}; then pveum acl delete PATH --tokens ${shellQuote(client.tokenId)} --roles ROLE`,
  );
}
