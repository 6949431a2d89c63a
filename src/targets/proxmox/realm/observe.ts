import { z } from 'zod';
import { SourceUnavailable } from '../../../domain/errors.js';
import type { ProxmoxClient } from '../client.js';
import { ProxmoxError } from '../proxmox-error.js';
import { clusterNode, domains } from '../schema.js';
import { type ProxmoxVersion, readProxmoxVersion } from '../version.js';
import { type ClientKey, holdClientKey } from './client-key.js';
import { type KeyReader, readKeyReaders } from './key-readers.js';
import { unlessRefused } from './unless-refused.js';

/** One realm as it stands in Proxmox. */
export interface ObservedRealm {
  type: string;
  /** Its settings as text, without the client key. */
  settings: ReadonlyMap<string, string>;
  clientKey: ClientKey | undefined;
  /** Whether the key is shown to nobody, so that a missing one tells nothing (Proxmox Backup Server). */
  keyIsHidden?: boolean | undefined;
  /** Of the file with all realms; a write that carries it is refused where anything in there has changed. */
  digest: string | undefined;
}

/** What stands in Proxmox of all that a declaration speaks of. */
export interface ObservedRealms {
  version: ProxmoxVersion;
  /** Every realm with its type. */
  names: ReadonlyMap<string, string>;
  /** The declared one; undefined: there is none of that name. */
  realm: ObservedRealm | undefined;
  /** Sorted; undefined where the caller may not see them. */
  nodes: readonly string[] | undefined;
  /** Who may read the client key; undefined where the caller may not see who has which rights. */
  keyReaders: readonly KeyReader[] | undefined;
  /** Proxmox VE where it is not said. */
  product?: 'Proxmox Backup Server' | undefined;
}

const value = z.union([z.string(), z.number().transform(String), z.boolean().transform((flag) => (flag ? '1' : '0'))]);

/** What is neither text, number nor flag is none of the settings that we know. */
const oneRealm = z.record(z.string(), z.unknown()).transform((fields) =>
  Object.entries(fields).flatMap(([name, raw]) => {
    const read = value.safeParse(raw);
    return read.success ? [[name, read.data] as const] : [];
  }),
);

/**
 * The realm of this name, and what its plan needs to know besides. Needs Sys.Audit or Realm.Allocate on /access/realm,
 * without which PVE refuses; throws ProxmoxError then.
 */
export async function observeRealm(client: ProxmoxClient, name: string, signal: AbortSignal): Promise<ObservedRealms> {
  const [version, listed] = await Promise.all([
    readProxmoxVersion(client, signal),
    client.get({ route: '/access/domains' }, domains, signal),
  ]);
  if (listed.length === 0) {
    throw new SourceUnavailable(`Proxmox VE at ${client.host} lists no realm, not even pam; that is not believed`);
  }
  const names = new Map(listed.map(({ realm, type = '' }) => [realm, type]));
  const realm = names.has(name) ? await readRealm(client, name, signal) : undefined;
  const [nodes, keyReaders] = await Promise.all([readNodes(client, signal), readKeyReaders(client, signal)]);
  return { version, names, realm, nodes, keyReaders, product: client.product };
}

/** One realm with everything that PVE tells of it; undefined where it does not exist. */
export async function readRealm(
  client: ProxmoxClient,
  name: string,
  signal: AbortSignal,
): Promise<ObservedRealm | undefined> {
  let entries: (readonly [string, string])[];
  try {
    entries = await client.get({ route: '/access/domains/{realm}', params: { realm: name } }, oneRealm, signal);
  } catch (error) {
    if (error instanceof ProxmoxError && /\bdoes not exist/.test(error.text)) return undefined;
    throw error;
  }
  const settings = new Map(entries);
  const key = settings.get('client-key');
  const type = settings.get('type') ?? '';
  const digest = settings.get('digest');
  for (const apart of ['client-key', 'type', 'digest', 'realm']) settings.delete(apart);
  const clientKey = key === undefined ? undefined : holdClientKey(key);
  return { type, settings, digest, clientKey, keyIsHidden: client.product !== undefined };
}

async function readNodes(client: ProxmoxClient, signal: AbortSignal): Promise<string[] | undefined> {
  const listed = await unlessRefused(client.get({ route: '/nodes' }, z.array(clusterNode), signal));
  return listed?.map(({ node }) => node).sort();
}
