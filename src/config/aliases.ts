import type { SettingName } from './schema/index.js';

/** Old names of the predecessors' environment files, and what they are called now. Values read the same. */
export const aliases: Readonly<Record<string, SettingName>> = {
  ENTR_TENANT_ID: 'ENTRA_TENANT_ID',
  ENTR_CLNT_ID: 'ENTRA_CLIENT_ID',
  ENTR_CLNT_SEC: 'ENTRA_CLIENT_SECRET',
  ENTRA_APPLICATION_ID: 'ENTRA_CLIENT_ID',
  ENTRA_CLIENT_SECRET_VALUE: 'ENTRA_CLIENT_SECRET',
  MSFT_GRAPH_ACC_TK: 'GRAPH_ACCESS_TOKEN',
  MS_GRAPH_ACCESS_TOKEN: 'GRAPH_ACCESS_TOKEN',
  GRAPH_TOKEN: 'GRAPH_ACCESS_TOKEN',
  https_proxy: 'HTTPS_PROXY',
  no_proxy: 'NO_PROXY',
};

/** Names that are as good as the canonical ones: every program reads a proxy's in both cases. */
export const customary: ReadonlySet<string> = new Set(['https_proxy', 'no_proxy']);

/** An old name in use, for one deprecation line. */
export interface Deprecation {
  alias: string;
  canonical: SettingName;
}
