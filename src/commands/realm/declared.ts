import type { LoadedSettings } from '../../config/load.js';
import type { Settings } from '../../config/settings.js';
import {
  type DeclaredRealm,
  declareRealm,
  type IdentityProvider,
  type RealmDeclaration,
} from '../../targets/proxmox/realm/declaration.js';
import type { Upkeep } from '../../targets/proxmox/realm/plan.js';
import { expiryViews } from '../../telemetry/expiry.js';
import { systemClock } from '../../telemetry/system-clock.js';
import type { Io } from '../io.js';
import type { RealmOptions } from './options.js';

/** What the configuration says of the realm. */
export interface DeclaredByConfiguration {
  declared: RealmDeclaration;
  /** What Entramox does with its users, where its own work is set up for this realm. */
  upkeep: Upkeep | undefined;
  /** What should be known of where the values came from. */
  remarks: string[];
}

/** The realm of the configuration; undefined where it has mistakes, every one of which was told. */
export function realmOf(loaded: LoadedSettings, options: RealmOptions, io: Io): DeclaredByConfiguration | undefined {
  const { settings } = loaded;
  const idp = options.idp ?? settings.realm.idp;
  if (!idp) {
    io.err('who lets people log in is not said: --idp entra, kanidm or generic, or REALM_IDP in the configuration');
    return undefined;
  }
  const { read, remarks } = declarationOf(settings, idp);
  if (read.ok) return { declared: read.realm, upkeep: upkeepOf(loaded), remarks: [...remarks, ...onTheEnd(settings)] };
  io.err('the configuration of the realm cannot be used:');
  for (const problem of read.problems) io.err(`  ${problem}`);
  return undefined;
}

/**
 * The declaration of these settings. People log in to Entra with the application that asks Graph only where no other
 * is named, since Proxmox shows its secret to more people than need what Graph gives for it.
 */
export function declarationOf(
  { realm: given, proxmox, entra }: Settings,
  idp: IdentityProvider,
): { read: DeclaredRealm; remarks: string[] } {
  const own = idp === 'entra' && !given.clientId && !given.clientSecret ? given.ownApplication : undefined;
  const { issuerBase, clientSecret, groupsClaim, ...same } = given;
  const read = declareRealm({
    ...same,
    idp,
    realm: proxmox.realm,
    tenantId: entra.tenantId,
    issuerBase,
    clientId: given.clientId ?? own?.clientId,
    clientKey: clientSecret ?? own?.clientSecret,
    groupsClaim,
  });
  const shared = given.clientId !== undefined && given.clientId.toLowerCase() === entra.clientId?.toLowerCase();
  const remarks =
    own || (idp === 'entra' && shared)
      ? [
          'people would log in with the application that asks Graph, and whoever may read its secret in Proxmox may ask Graph as Entramox does: name one of its own in REALM_CLIENT_ID and REALM_CLIENT_SECRET_FILE',
        ]
      : [];
  return { read, remarks };
}

/** What there is to say of the end of the client secret, where it is near or over. */
function onTheEnd({ expiries }: Settings): string[] {
  const ofRealm = expiries.filter(({ credential }) => credential === 'realm-client-secret');
  return expiryViews(ofRealm, systemClock.now())
    .filter(({ level }) => level !== 'far')
    .map(({ expiresAt, level, remedy }) =>
      level === 'expired'
        ? `the client secret ended at ${expiresAt}, so nobody can log in: ${remedy}`
        : `the client secret ends at ${expiresAt}: ${remedy}`,
    );
}

/**
 * Entramox looks after the users of REALM unless TARGETS leaves Proxmox out. That no API token is seen here says nothing:
 * the service has it from systemd, and this command does not.
 */
function upkeepOf({ settings, origins }: LoadedSettings): Upkeep | undefined {
  const isLeftOut = origins.TARGETS.kind !== 'derived' && !settings.targets.includes('proxmox');
  if (isLeftOut) return undefined;
  return { writesUpns: settings.entra.enforce, creates: settings.proxmox.provision === 'create' };
}
