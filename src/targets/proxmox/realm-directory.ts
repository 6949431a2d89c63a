import { createHash } from 'node:crypto';
import type { Clock } from '../../domain/clock.js';
import { messageOf, SourceUnavailable } from '../../domain/errors.js';
import type { ObjectId } from '../../domain/identity.js';
import type { Directory, PresentReading, Reading, UnknownReading } from '../../domain/reading.js';
import type { Log } from '../../telemetry/log.js';
import type { ProxmoxClient } from './client.js';
import { isRefusal, refuseWithout } from './refusal.js';
import { createRights, READ_ALL } from './rights.js';
import type { ListedUser } from './schema.js';
import { listUsers } from './users.js';

export interface RealmDirectoryOptions {
  client: ProxmoxClient;
  realm: string;
  log: Log;
  clock: Clock;
}

interface RealmListing {
  identities: Map<ObjectId, PresentReading | UnknownReading>;
  complete: boolean;
}

/**
 * The users of a Proxmox realm as the source of people, for installations that do not ask Graph. There are no groups,
 * and a realm that reads empty is never believed.
 */
export function createRealmDirectory({ client, realm, log, clock }: RealmDirectoryOptions): Directory {
  const rights = createRights({ client, clock });
  const suffix = `@${realm}`;

  async function list(signal: AbortSignal): Promise<RealmListing> {
    try {
      await refuseWithout(rights, [READ_ALL], client, signal);
      const listing = await listUsers(client, log, signal);
      const identities: RealmListing['identities'] = new Map();
      for (const user of listing.users.values()) {
        if (user.userid.endsWith(suffix)) identities.set(objectIdOf(user.userid), present(user));
      }
      for (const [userid, odd] of listing.unreadable) {
        if (!userid.endsWith(suffix)) continue;
        const oid = objectIdOf(userid);
        identities.set(oid, { certainty: 'unknown', oid, why: `Proxmox VE shows ${userid} with ${odd}` });
      }
      if (identities.size === 0) {
        throw new SourceUnavailable(
          `Proxmox VE at ${client.host} shows no user of the realm ${realm}; an empty realm is not believed. Check REALM, and "pveum user list"`,
        );
      }
      return { identities, complete: listing.complete };
    } catch (error) {
      signal.throwIfAborted();
      if (isRefusal(error)) rights.forget();
      throw error instanceof SourceUnavailable ? error : new SourceUnavailable(messageOf(error), { cause: error });
    }
  }

  function present(user: ListedUser): PresentReading {
    const upn = user.userid.slice(0, -suffix.length);
    const { firstname, lastname, email, expire, enable } = user;
    return {
      certainty: 'present',
      oid: objectIdOf(user.userid),
      attributes: {
        upn,
        displayName: [firstname, lastname].filter(Boolean).join(' ') || undefined,
        givenName: firstname || undefined,
        surname: lastname || undefined,
        mail: email || undefined,
      },
      // PVE refuses a user once its expire lies in the past, whatever enable says.
      enabled: enable && (expire === 0 || expire * 1000 >= clock.now()),
      groups: [],
    };
  }

  return {
    async readIdentities(oids, signal) {
      const { identities, complete } = await list(signal);
      return oids.map((oid): Reading => {
        const found = identities.get(oid);
        if (found) return found;
        return complete
          ? { certainty: 'absent', oid, evidence: 'not-found' }
          : { certainty: 'unknown', oid, why: 'Proxmox VE listed a user without a name, so nobody is proved absent' };
      });
    },
    async readScope(signal) {
      const { identities } = await list(signal);
      return { groups: new Map(), identities };
    },
    existingGroups: async (groups) => new Set(groups),
    async findByUpn(upn, signal) {
      const { identities } = await list(signal);
      const exact = objectIdOf(`${upn}${suffix}`);
      if (identities.has(exact)) return exact;
      const wanted = upn.toLowerCase();
      const alike = [...identities.values()].filter(
        (reading) => reading.certainty === 'present' && reading.attributes.upn.toLowerCase() === wanted,
      );
      return alike.length === 1 ? alike[0]?.oid : undefined;
    },
  };
}

/** A GUID (RFC 9562, version 8) made of the SHA-256 of the userid: the same on every host, in every run. */
export function objectIdOf(userid: string): ObjectId {
  const hash = createHash('sha256').update(userid, 'utf8').digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x80;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
