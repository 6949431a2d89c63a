import { SourceUnavailable } from '../../domain/errors.js';
import type { ProxmoxClient } from './client.js';
import { domains } from './schema.js';

/** A realm that does not exist: what was seen, and what mends it. */
export interface MissingRealm {
  saw: string;
  mend: string;
}

export interface RealmOptions {
  client: ProxmoxClient;
  realm: string;
}

/**
 * The finding that Proxmox VE does not have this realm; undefined where it has. PVE creates users of realms that do not
 * exist without a word, and shows all realms to everybody. Throws SourceUnavailable or ProxmoxError where it cannot be told.
 */
export async function missingRealm(
  { client, realm }: RealmOptions,
  signal: AbortSignal,
): Promise<MissingRealm | undefined> {
  const listed = await client.get({ route: '/access/domains' }, domains, signal);
  if (listed.length === 0) {
    throw new SourceUnavailable(`Proxmox VE at ${client.host} lists no realm, not even pam; that is not believed`);
  }
  if (listed.some((domain) => domain.realm === realm)) return undefined;
  return {
    saw: `the realm ${realm} does not exist in Proxmox VE, so nobody of it can log in; there are ${listed.map((domain) => domain.realm).join(', ')}`,
    mend: 'correct REALM, or add it: entramox realm apply --idp entra',
  };
}
