import type { FieldChange } from '../../targets/proxmox/realm/fields.js';
import { type RedirectUris, redirectUris } from '../../targets/proxmox/realm/redirects.js';
import type { LookedAtRealm, RealmPorts } from '../../targets/proxmox/realm/setup.js';
import type { Io } from '../io.js';

/** What a plan and its application tell alike, for a person and as JSON. */
export interface RealmReport {
  realm: string;
  idp: string;
  issuer: string;
  /** Setting by setting, of a realm that is there; of the client key only that it differs. */
  changes: readonly FieldChange[];
  /** What a person must decide before anything is written. */
  conflicts: readonly { realm: string; why: string; remedy: string }[];
  remarks: readonly string[];
  redirectUris: RedirectUris['uris'];
  /** Nodes of which no address is known under which browsers reach them. */
  nodesWithoutUri: readonly string[];
}

export function reportOf(
  { declared }: Pick<RealmPorts, 'declared'>,
  { plan, observed }: LookedAtRealm,
  apiUrl: string,
  remarks: readonly string[],
): RealmReport {
  const { uris, unknown } = redirectUris(declared.origins, observed.nodes ?? [], apiUrl);
  return {
    realm: declared.realm,
    idp: declared.idp,
    issuer: declared.issuerUrl,
    changes: plan.step?.do === 'realm.change' ? plan.step.changes : [],
    conflicts: plan.refusals.map((refusal) => ({ realm: declared.realm, ...refusal })),
    remarks: [...remarks, ...plan.remarks],
    redirectUris: uris,
    nodesWithoutUri: unknown,
  };
}

/** Refusals and remarks on standard error; on standard output what somebody copies. */
export function tellReport(
  { idp, conflicts, remarks, redirectUris: uris, nodesWithoutUri }: RealmReport,
  io: Io,
): void {
  if (uris.length > 0) {
    const teller = idp === 'generic' ? '' : `; "entramox realm registration plan --idp ${idp}" is for that`;
    io.out(`redirect URIs that the provider must know, one for each address of Proxmox${teller}:`);
    for (const { uri } of uris) io.out(`  ${uri}`);
  }
  for (const { why, remedy } of conflicts) io.err(`refused: ${why}; ${remedy}`);
  const unsaid = uris.filter(({ from }) => from === 'node').map(({ uri }) => uri);
  if (unsaid.length > 0) {
    const who = idp === 'generic' ? '' : '; "entramox realm registration" does not ask Proxmox and goes by that alone';
    io.err(`note: REALM_ORIGINS lacks ${unsaid.join(', ')}, known by the names of nodes${who}`);
  }
  for (const node of nodesWithoutUri) {
    io.err(`note: under which address browsers reach the node ${node} is not known: name it in REALM_ORIGINS`);
  }
  for (const remark of remarks) io.err(`note: ${remark}`);
}
