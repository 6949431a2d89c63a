import { z } from 'zod';
import type { ProxmoxClient } from './client.js';
import { type Finding, findingOf } from './doctor-finding.js';
import { ProxmoxError } from './proxmox-error.js';
import { shellQuote } from './text.js';

export interface RealmOptionsOptions {
  client: ProxmoxClient;
  realm: string;
  creates: boolean;
  readRealms?: (() => Promise<string | undefined>) | undefined;
}

const flag = z.union([z.boolean(), z.coerce.number()]).transform((value) => value === true || value === 1);

/** GET /access/domains/{realm}: the client key that it holds as well is left out here. */
const realmSettings = z.object({
  autocreate: flag.default(false),
  'groups-claim': z.string().optional(),
  'groups-autocreate': flag.default(false),
  'groups-overwrite': flag.default(false),
});

type RealmSettings = z.infer<typeof realmSettings>;

/**
 * Options of the realm by which Proxmox VE itself makes users or changes their groups at a login. The API shows them,
 * with the realm's client key, to whoever has Sys.Audit on /access/realm, which our token should not have; so that not
 * seeing them is no fault. On the node itself they stand in a file.
 */
export async function checkRealmOptions(options: RealmOptionsOptions, signal: AbortSignal): Promise<Finding> {
  const seen = (await readByApi(options, signal)) ?? (await readFromFile(options));
  const { realm, creates } = options;
  if (!seen) {
    return findingOf(
      'realm-options',
      'remark',
      `the options of the realm ${realm} are not shown to this token, which is right: they hold the realm's client key`,
      `look on the node: grep -A12 ': ${realm}$' /etc/pve/domains.cfg; autocreate and groups-overwrite should be 0`,
    );
  }
  const fights = [
    ...(seen.autocreate && creates ? ['autocreate makes users at their first login that nobody owns'] : []),
    ...(seen['groups-overwrite']
      ? ['groups-overwrite takes the groups away at each login that the claim does not name']
      : []),
    ...(seen['groups-claim'] !== undefined
      ? [`groups-claim (${seen['groups-claim']}) puts users into groups at each login, past what was revoked`]
      : []),
  ];
  if (fights.length === 0) return findingOf('realm-options', 'fine', `no option of the realm ${realm} gets in the way`);
  const name = shellQuote(realm);
  const mends = [
    ...(seen.autocreate && creates ? [`pveum realm modify ${name} --autocreate 0`] : []),
    ...(seen['groups-overwrite'] ? [`pveum realm modify ${name} --groups-overwrite 0`] : []),
    ...(seen['groups-claim'] !== undefined ? [`pveum realm modify ${name} --delete groups-claim`] : []),
  ];
  return findingOf('realm-options', 'wrong', fights.join('; '), mends.join('; '));
}

async function readByApi(
  { client, realm }: RealmOptionsOptions,
  signal: AbortSignal,
): Promise<RealmSettings | undefined> {
  try {
    return await client.get({ route: '/access/domains/{realm}', params: { realm } }, realmSettings, signal);
  } catch (error) {
    if (error instanceof ProxmoxError && (error.status === 403 || /does not exist/.test(error.message)))
      return undefined;
    throw error;
  }
}

async function readFromFile({ realm, readRealms }: RealmOptionsOptions): Promise<RealmSettings | undefined> {
  const text = await readRealms?.();
  return text === undefined ? undefined : realmIn(text, realm);
}

/** One section of domains.cfg: `openid: NAME`, then indented `key value` lines up to an empty one. */
function realmIn(text: string, realm: string): RealmSettings | undefined {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => new RegExp(`^\\w+: ${realm.replaceAll(/\W/g, '\\$&')}\\s*$`).test(line));
  if (start < 0) return undefined;
  const after = lines.slice(start + 1);
  const end = after.findIndex((line) => !/^\s+\S/.test(line));
  const pairs = after.slice(0, end < 0 ? undefined : end).map((line) => line.trim().split(/\s+(.*)/));
  return realmSettings.parse(Object.fromEntries(pairs.map(([key = '', value = '']) => [key, value])));
}
