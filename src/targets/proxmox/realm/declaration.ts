import { type ClientKey, holdClientKey } from './client-key.js';
import { entraProvider } from './entra.js';
import type { FieldName } from './fields.js';
import { genericProvider } from './generic.js';
import { kanidmProvider } from './kanidm.js';
import type { Provider } from './provider.js';
import {
  clientIdProblem,
  clientKeyProblem,
  groupsClaimProblem,
  issuerProblem,
  listProblem,
  originProblem,
  promptProblem,
  realmProblem,
  scopeProblem,
  textProblem,
  usernameClaimProblem,
} from './value-rules.js';

export const IDENTITY_PROVIDERS = ['entra', 'kanidm', 'generic'] as const;

export type IdentityProvider = (typeof IDENTITY_PROVIDERS)[number];

/** PVE's own mapping of groups at a login; PVE 8.4 and later. */
export interface RealmGroups {
  /** The claim whose values become groups, each with `-<realm>` behind it. */
  claim: string;
  /** Takes everybody who logs in out of every group that the claim does not name. */
  overwrite: boolean;
  autocreate: boolean;
}

/** What an OpenID realm of Proxmox VE shall be: complete, and every value one that PVE stores as it is. */
export interface RealmDeclaration {
  realm: string;
  idp: IdentityProvider;
  /** Byte for byte what the provider's own document calls itself; never empty. */
  issuerUrl: string;
  /** Never empty. */
  clientId: string;
  /** undefined: nothing is said about it, so what stands in Proxmox stays. */
  clientKey: ClientKey | undefined;
  /** As PVE has it: `subject`, `username` and `email` stand for sub, preferred_username and email; see `claimOf`. */
  usernameClaim: string;
  scopes: readonly string[];
  autocreate: boolean;
  /** Whether PVE asks the userinfo endpoint too; undefined: as PVE does by itself. PVE 8.4 and later. */
  queryUserinfo: boolean | undefined;
  prompt: string | undefined;
  acrValues: readonly string[];
  groups: RealmGroups | undefined;
  /** Accepted in a token beside the client id. PVE 9.1 and later. */
  audiences: readonly string[];
  /** undefined: whatever comment there is stays. */
  comment: string | undefined;
  /** `https://pve1.example.com:8006`: under which browsers reach Proxmox, as far as that was declared. */
  origins: readonly string[];
  /**
   * Of which nothing was said, so that the value here is for a realm that is made. In one that is there they stay as they
   * are: somebody set them by hand, and a login may rest on them.
   */
  unsaid: ReadonlySet<FieldName>;
}

/** What somebody asks for; what is left out gets the default of the provider. */
export interface RealmWish {
  idp: IdentityProvider;
  realm: string | undefined;
  /** Of Entra: the directory whose people log in. */
  tenantId?: string | undefined;
  /** Of Entra: where the issuers of this cloud are, `https://login.microsoftonline.com`. */
  issuerBase?: string | undefined;
  issuerUrl?: string | undefined;
  clientId?: string | undefined;
  clientKey?: string | undefined;
  usernameClaim?: string | undefined;
  scopes?: readonly string[] | undefined;
  autocreate?: boolean | undefined;
  queryUserinfo?: boolean | undefined;
  prompt?: string | undefined;
  acrValues?: readonly string[] | undefined;
  groupsClaim?: string | undefined;
  groupsOverwrite?: boolean | undefined;
  groupsAutocreate?: boolean | undefined;
  audiences?: readonly string[] | undefined;
  comment?: string | undefined;
  origins?: readonly string[] | undefined;
}

/** Either the declaration, or every mistake, each beginning with the setting: `REALM_CLIENT_ID: missing: ...`. */
export type DeclaredRealm = { ok: true; realm: RealmDeclaration } | { ok: false; problems: string[] };

const PROVIDERS: Readonly<Record<IdentityProvider, Provider>> = {
  entra: entraProvider,
  kanidm: kanidmProvider,
  generic: genericProvider,
};

/** The declaration of a wish, with every mistake at once. Never throws, and never repeats the client key. */
export function declareRealm(wish: RealmWish): DeclaredRealm {
  const provider = PROVIDERS[wish.idp];
  const issuer = provider.issuerOf(wish);
  const problems = [
    ...told('REALM', required(wish.realm, realmProblem, 'the name of the realm')),
    ...told('REALM_CLIENT_ID', required(wish.clientId, clientIdProblem, 'the client id of the application')),
    ...told('REALM_CLIENT_SECRET', keyProblem(wish.clientKey, provider.needsKey)),
    ...(issuer.ok ? told('REALM_ISSUER_URL', issuerProblem(issuer.issuerUrl)) : issuer.problems),
    ...told('REALM_USERNAME_CLAIM', optional(wish.usernameClaim, usernameClaimProblem)),
    ...(wish.scopes ?? []).flatMap((scope) => told('REALM_SCOPES', scopeProblem(scope))),
    ...told('REALM_PROMPT', optional(wish.prompt, promptProblem)),
    ...(wish.acrValues ?? []).flatMap((value) => told('REALM_ACR_VALUES', listProblem(value))),
    ...(wish.audiences ?? []).flatMap((value) => told('REALM_AUDIENCES', listProblem(value))),
    ...told('REALM_GROUPS_CLAIM', optional(wish.groupsClaim, groupsClaimProblem)),
    ...told('REALM_COMMENT', optional(wish.comment, textProblem)),
    ...(wish.origins ?? []).flatMap((origin) => told('REALM_ORIGINS', originProblem(origin))),
    ...groupProblems(wish),
  ];
  if (problems.length > 0 || !issuer.ok) return { ok: false, problems };
  const realm = assemble(wish, provider, issuer.issuerUrl);
  const more = provider.problemsOf(realm);
  return more.length > 0 ? { ok: false, problems: more } : { ok: true, realm };
}

function assemble(wish: RealmWish, { defaults }: Provider, issuerUrl: string): RealmDeclaration {
  const { groupsClaim, clientKey } = wish;
  return {
    realm: wish.realm ?? '',
    idp: wish.idp,
    issuerUrl,
    clientId: wish.clientId ?? '',
    clientKey: clientKey === undefined ? undefined : holdClientKey(clientKey),
    usernameClaim: wish.usernameClaim ?? defaults.usernameClaim,
    scopes: unique(wish.scopes?.length ? wish.scopes : defaults.scopes),
    autocreate: wish.autocreate ?? false,
    queryUserinfo: wish.queryUserinfo ?? defaults.queryUserinfo,
    prompt: wish.prompt,
    acrValues: unique(wish.acrValues ?? []),
    groups:
      groupsClaim === undefined
        ? undefined
        : {
            claim: groupsClaim,
            overwrite: wish.groupsOverwrite ?? false,
            autocreate: wish.groupsAutocreate ?? false,
          },
    audiences: unique(wish.audiences ?? []),
    comment: wish.comment,
    origins: unique((wish.origins ?? []).map((origin) => new URL(origin).origin)),
    unsaid: unsaidBy(wish),
  };
}

/** Autocreate is not among them: it brings back whom somebody deleted, so it is off unless it was asked for. */
function unsaidBy(wish: RealmWish): ReadonlySet<FieldName> {
  const said: [FieldName, unknown][] = [
    ['scopes', wish.scopes?.length ? wish.scopes : undefined],
    ['query-userinfo', wish.queryUserinfo],
    ['prompt', wish.prompt],
    ['acr-values', wish.acrValues],
    ['groups-claim', wish.groupsClaim],
    ['groups-overwrite', wish.groupsOverwrite],
    ['groups-autocreate', wish.groupsAutocreate],
    ['audiences', wish.audiences],
  ];
  return new Set(said.flatMap(([field, value]) => (value === undefined ? [field] : [])));
}

/** The same, where what nobody declared shall be gone, or as it would be in a new realm. */
export function withNothingUnsaid(declared: RealmDeclaration): RealmDeclaration {
  return { ...declared, unsaid: new Set() };
}

function groupProblems({ groupsClaim, groupsOverwrite, groupsAutocreate }: RealmWish): string[] {
  if (groupsClaim !== undefined) return [];
  const idle = [
    ...(groupsOverwrite ? ['REALM_GROUPS_OVERWRITE'] : []),
    ...(groupsAutocreate ? ['REALM_GROUPS_AUTOCREATE'] : []),
  ];
  return idle.map((name) => `${name}: does nothing without REALM_GROUPS_CLAIM: name the claim, or leave this out`);
}

function keyProblem(key: string | undefined, isNeeded: boolean): string | undefined {
  if (key !== undefined) return clientKeyProblem(key);
  return isNeeded
    ? 'missing: the client secret of the application (REALM_CLIENT_SECRET_FILE names its file)'
    : undefined;
}

type Rule = (value: string) => string | undefined;

function required(value: string | undefined, rule: Rule, what: string): string | undefined {
  return value === undefined || value === '' ? `missing: ${what}` : rule(value);
}

function optional(value: string | undefined, rule: Rule): string | undefined {
  return value === undefined ? undefined : rule(value);
}

function told(setting: string, problem: string | undefined): string[] {
  return problem === undefined ? [] : [`${setting}: ${problem}`];
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
