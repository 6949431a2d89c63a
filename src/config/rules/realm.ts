import { clouds } from '../clouds.js';
import type { Values } from '../schema/index.js';

/** What `entramox realm` makes of Proxmox VE. What was not set is undefined; a client secret stands in no message. */
export interface RealmSettings {
  idp: 'entra' | 'kanidm' | 'generic' | undefined;
  /** Where the issuers of ENTRA_CLOUD are, without the tenant. */
  issuerBase: string;
  issuerUrl: string | undefined;
  clientId: string | undefined;
  clientSecret: string | undefined;
  /** Epoch ms. */
  clientSecretExpiresAt: number | undefined;
  usernameClaim: string | undefined;
  scopes: readonly string[] | undefined;
  autocreate: boolean | undefined;
  queryUserinfo: boolean | undefined;
  prompt: string | undefined;
  acrValues: readonly string[] | undefined;
  groupsClaim: string | undefined;
  groupsOverwrite: boolean | undefined;
  groupsAutocreate: boolean | undefined;
  audiences: readonly string[] | undefined;
  comment: string | undefined;
  origins: readonly string[] | undefined;
  /** The application that asks Graph, where its own secret was given: what people log in with if nothing else is said. */
  ownApplication: { clientId: string; clientSecret: string } | undefined;
}

export function realmSettingsOf(values: Values): RealmSettings {
  const { ENTRA_CLIENT_ID: clientId, ENTRA_CLIENT_SECRET: clientSecret } = values;
  return {
    idp: values.REALM_IDP,
    issuerBase: clouds[values.ENTRA_CLOUD].issuerBase,
    issuerUrl: values.REALM_ISSUER_URL,
    clientId: values.REALM_CLIENT_ID,
    clientSecret: values.REALM_CLIENT_SECRET,
    clientSecretExpiresAt: values.REALM_CLIENT_SECRET_EXPIRES,
    usernameClaim: values.REALM_USERNAME_CLAIM,
    scopes: values.REALM_SCOPES,
    autocreate: values.REALM_AUTOCREATE,
    queryUserinfo: values.REALM_QUERY_USERINFO,
    prompt: values.REALM_PROMPT,
    acrValues: values.REALM_ACR_VALUES,
    groupsClaim: values.REALM_GROUPS_CLAIM,
    groupsOverwrite: values.REALM_GROUPS_OVERWRITE,
    groupsAutocreate: values.REALM_GROUPS_AUTOCREATE,
    audiences: values.REALM_AUDIENCES,
    comment: values.REALM_COMMENT,
    origins: values.REALM_ORIGINS,
    ownApplication: clientId !== undefined && clientSecret !== undefined ? { clientId, clientSecret } : undefined,
  };
}
