import type { Clock } from '../../domain/clock.js';
import { messageOf, SourceUnavailable } from '../../domain/errors.js';
import type { LedgerEntry } from '../../domain/ledger-entry.js';
import type { Directory, Reading } from '../../domain/reading.js';
import type { Log } from '../../telemetry/log.js';
import type { ProxmoxClient } from './client.js';
import { missingRealm } from './realm.js';
import { type RealmPeople, realmPeople } from './realm-people.js';
import { isRefusal, refuseWithout } from './refusal.js';
import { createRights, READ_ALL } from './rights.js';
import { listUsers } from './users.js';

export interface RealmDirectoryOptions {
  client: ProxmoxClient;
  realm: string;
  /** Everybody whom we remember, so that nobody is taken for two people after a change of the source. */
  remembered: () => readonly LedgerEntry[];
  log: Log;
  clock: Clock;
}

/**
 * The users of a Proxmox realm as the source of people, for installations that do not ask Graph. There are no groups;
 * a realm that reads empty, or that does not exist, is never believed.
 */
export function createRealmDirectory({ client, realm, remembered, log, clock }: RealmDirectoryOptions): Directory {
  const rights = createRights({ client, clock });
  const suffix = `@${realm}`;

  async function read(signal: AbortSignal): Promise<RealmPeople> {
    try {
      await refuseWithout(rights, [READ_ALL], client, signal);
      const missing = await missingRealm({ client, realm }, signal);
      if (missing) throw new SourceUnavailable(`${missing.saw}: ${missing.mend}`);
      const listing = await listUsers(client, log, signal);
      const people = realmPeople(listing, { realm, remembered: remembered(), now: clock.now() });
      if (people.identities.size === 0) {
        throw new SourceUnavailable(
          `Proxmox VE at ${client.host} shows no user of the realm ${realm}; an empty realm is not believed. Check REALM, and "pveum user list"`,
        );
      }
      return people;
    } catch (error) {
      signal.throwIfAborted();
      if (isRefusal(error)) rights.forget();
      throw error instanceof SourceUnavailable ? error : new SourceUnavailable(messageOf(error), { cause: error });
    }
  }

  return {
    async readIdentities(oids, signal) {
      const { identities, incomplete } = await read(signal);
      return oids.map(
        (oid): Reading =>
          identities.get(oid) ??
          (incomplete === undefined
            ? { certainty: 'absent', oid, evidence: 'not-found' }
            : { certainty: 'unknown', oid, why: incomplete }),
      );
    },
    async readScope(signal) {
      const { identities } = await read(signal);
      return { groups: new Map(), identities };
    },
    existingGroups: async (groups) => new Set(groups),
    async findByUpn(upn, signal) {
      const { identities, owners } = await read(signal);
      const exact = owners.get(`${upn}${suffix}`);
      if (exact !== undefined) return exact;
      const wanted = upn.toLowerCase();
      const alike = [...identities.values()].filter(
        (reading) => reading.certainty === 'present' && reading.attributes.upn.toLowerCase() === wanted,
      );
      return alike.length === 1 ? alike[0]?.oid : undefined;
    },
  };
}
