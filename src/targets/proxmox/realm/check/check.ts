import { messageOf } from '../../../../domain/errors.js';
import type { ProxmoxClient } from '../../client.js';
import type { ClientKey } from '../client-key.js';
import type { RealmDeclaration } from '../declaration.js';
import { type ObservedRealm, type ObservedRealms, observeRealm } from '../observe.js';
import type { Upkeep } from '../plan.js';
import { redirectUris } from '../redirects.js';
import { checkAbilities } from './abilities.js';
import { checkAuthUrls, type SignInAddress } from './auth-url.js';
import { checkBreakGlass } from './break-glass.js';
import { checkClientKey } from './client-key-check.js';
import { checkEndpoints, checkIssuer, type DiscoveryDocument, isHttps, readDocument } from './document.js';
import type { HttpExchange } from './exchange.js';
import {
  DOCUMENT_CHECKS,
  REALM_CHECKS,
  type RealmCheckName,
  type RealmFinding,
  remark,
  skipped,
  unreachable,
} from './finding.js';
import { checkGroups } from './groups.js';
import { checkKeys } from './keys.js';
import { checkKeyExpiry, checkRedirectUris, checkSignInPages, type Registration } from './redirect-uris.js';
import { checkSettings } from './settings.js';

export interface RealmCheckOptions {
  client: ProxmoxClient;
  declared: RealmDeclaration;
  upkeep: Upkeep | undefined;
  allowGroupsOverwrite: boolean;
  /** PVE_API_URL: an address of a node where none is declared. */
  apiUrl: string;
  /** To the provider, over the way that `proxy` tells of. */
  toProvider: HttpExchange;
  /** To the nodes, without a login. */
  toNodes: HttpExchange;
  /** Over which way the provider is asked, and whether that is Proxmox's own. */
  proxy: RealmFinding;
  /** What the directory of the provider shows of the application. Rejects where it gives no answer. */
  readRegistration: (signal: AbortSignal) => Promise<Registration>;
  /** Epoch ms, by the configuration; for a provider that does not tell. */
  keyEndsAt: number | undefined;
  /** Epoch ms. */
  now: number;
}

/** Looks at everything that a login by this realm rests on. Changes nothing anywhere, and logs nobody in. */
export async function checkRealm(options: RealmCheckOptions, signal: AbortSignal): Promise<RealmFinding[]> {
  const { declared, proxy } = options;
  const [observed, provider] = await Promise.all([observe(options, signal), askProvider(options, signal)]);
  const { document } = provider;
  const nodes = observed.realms?.nodes ?? [];
  const { uris, unknown } = redirectUris(declared.origins, nodes, options.apiUrl);
  const origins = uris.length > 0 ? uris.map(({ uri }) => uri) : [new URL(options.apiUrl).origin];
  const [key, registration, begun, groups, breakGlass] = await Promise.all([
    checkKey(options, document, observed.realms, origins[0] ?? ''),
    checkRegistration(options, observed.realms, origins, signal),
    beginLogins(options, document, origins, observed, signal),
    guarded('realm.groups', signal, () => checkGroups(options.client, declared, signal)),
    guarded('realm.break-glass', signal, () => checkBreakGlass(options.client, declared.realm, options.now, signal)),
  ]);
  const pages = await checkSignInPages(begun.addresses, options.toProvider, signal);
  const unasked = unknown.map((node) =>
    remark(
      'realm.auth-url',
      `of the node ${node} no address is known under which browsers reach it`,
      'add it to REALM_ORIGINS',
    ),
  );
  const all = [proxy, ...provider.findings, key, ...registration, ...pages, ...observed.findings, ...begun.findings];
  return [...all, ...unasked, groups, breakGlass].sort(byOrder);

  async function checkKey(
    { toProvider }: RealmCheckOptions,
    seen: DiscoveryDocument | undefined,
    realms: ObservedRealms | undefined,
    redirectUri: string,
  ): Promise<RealmFinding> {
    const name = 'idp.client-key';
    const clientKey = declared.clientKey ?? keyInProxmox(declared, realms?.realm);
    if (!seen?.token_endpoint || !isHttps(seen.token_endpoint))
      return skipped(name, 'no token endpoint is known, see idp.endpoints');
    // Proxmox would not send it there either.
    if (seen.issuer !== declared.issuerUrl)
      return skipped(name, 'a document of another issuer does not say where a secret goes, see idp.issuer');
    if (!clientKey) return remark(name, 'there is none: the provider must take this client without one');
    const { clientId } = declared;
    return checkClientKey({ clientId, clientKey: clientKey.reveal(), redirectUri, document: seen }, toProvider, signal);
  }
}

/** The key that Proxmox uses, where it is one for the declared client of the declared provider, and no other's. */
function keyInProxmox(
  { issuerUrl, clientId }: RealmDeclaration,
  realm: ObservedRealm | undefined,
): ClientKey | undefined {
  const isSame = realm?.settings.get('issuer-url') === issuerUrl && realm.settings.get('client-id') === clientId;
  return isSame ? realm.clientKey : undefined;
}

/** Whether the declaration and the realm can be compared at all. */
async function observe(
  { client, declared, upkeep, allowGroupsOverwrite }: RealmCheckOptions,
  signal: AbortSignal,
): Promise<{ findings: RealmFinding[]; realms?: ObservedRealms }> {
  try {
    const realms = await observeRealm(client, declared.realm, signal);
    return { realms, findings: checkSettings({ declared, observed: realms, upkeep, allowGroupsOverwrite }) };
  } catch (error) {
    signal.throwIfAborted();
    const mend = 'it takes Sys.Audit on /access/realm; see --help for the ways to connect';
    const [first, ...others] = ['realm.settings', 'realm.version', 'realm.username-claim'] as const;
    const rest = others.map((name) => skipped(name, `the realm cannot be read, see ${first}`));
    return { findings: [unreachable(first, messageOf(error), mend), ...rest] };
  }
}

async function askProvider(
  { declared, toProvider }: RealmCheckOptions,
  signal: AbortSignal,
): Promise<{ findings: RealmFinding[]; document: DiscoveryDocument | undefined }> {
  const { finding, document } = await readDocument(declared.issuerUrl, toProvider, signal);
  if (!document) {
    return {
      document,
      findings: [finding, ...DOCUMENT_CHECKS.map((name) => skipped(name, 'there is no document, see idp.discovery'))],
    };
  }
  const keys = isHttps(document.jwks_uri ?? '')
    ? await checkKeys(document, toProvider, signal)
    : skipped('idp.keys', 'no address of keys is known, see idp.endpoints');
  const issuer = checkIssuer(declared.issuerUrl, document);
  return {
    document,
    findings: [
      finding,
      issuer,
      checkEndpoints(declared.issuerUrl, document),
      keys,
      ...checkAbilities(declared, document),
    ],
  };
}

async function checkRegistration(
  { declared, readRegistration, keyEndsAt: noted, now }: RealmCheckOptions,
  realms: ObservedRealms | undefined,
  origins: readonly string[],
  signal: AbortSignal,
): Promise<RealmFinding[]> {
  const how = `compare them with ${origins.join(', ')}`;
  try {
    const registration = await readRegistration(signal);
    // Entra shows the first three characters of each secret.
    const hint = (declared.clientKey ?? keyInProxmox(declared, realms?.realm))?.reveal().slice(0, 3);
    return [
      checkRedirectUris(registration, { origins, declared: declared.origins }, how),
      checkKeyExpiry(registration, { hint, noted, now }),
    ];
  } catch (error) {
    signal.throwIfAborted();
    const told = messageOf(error);
    return [unreachable('idp.redirect-uris', told, how), unreachable('idp.key-expiry', told, 'look at the portal')];
  }
}

async function beginLogins(
  { client, declared, toNodes }: RealmCheckOptions,
  document: DiscoveryDocument | undefined,
  origins: readonly string[],
  { realms }: { realms?: ObservedRealms },
  signal: AbortSignal,
): Promise<{ findings: RealmFinding[]; addresses: SignInAddress[] }> {
  if (realms && realms.realm?.type !== 'openid') {
    const finding = skipped('realm.auth-url', `there is no OpenID realm ${declared.realm}`, 'entramox realm apply');
    return { addresses: [], findings: [finding] };
  }
  return checkAuthUrls({ client, realm: declared, origins, document, exchange: toNodes }, signal);
}

/** Proxmox's refusal of one read is the finding of that check alone. */
async function guarded(
  name: RealmCheckName,
  signal: AbortSignal,
  look: () => Promise<RealmFinding>,
): Promise<RealmFinding> {
  try {
    return await look();
  } catch (error) {
    signal.throwIfAborted();
    return unreachable(name, messageOf(error), 'look at Proxmox, and at what the credential may');
  }
}

function byOrder(left: RealmFinding, right: RealmFinding): number {
  return REALM_CHECKS.indexOf(left.name) - REALM_CHECKS.indexOf(right.name);
}
