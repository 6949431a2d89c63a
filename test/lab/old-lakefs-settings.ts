import { join } from 'node:path';
import type { EntraSimulator } from '../simulators/entra/index.js';
import type { LakefsSimulator } from '../simulators/lakefs/index.js';

/** What the environment file of the predecessor holds, and where both simulators are and this test may write. */
export function oldLakefsSettings(entra: EntraSimulator, lakefs: LakefsSimulator, dir: string) {
  return {
    ENTRA_TENANT_ID: entra.tenantId,
    ENTRA_APPLICATION_ID: entra.clientId,
    ENTRA_CLIENT_SECRET_VALUE: entra.clientSecret,
    LAKEFS_ACCESS_KEY_ID: lakefs.key.accessKeyId,
    LAKEFS_SECRET_ACCESS_KEY: lakefs.key.secretAccessKey,
    LAKEFS_ENDPOINT: lakefs.url,
    GROUP_FILTER: 'LakeFSProject*',
    LAKEFS_DEFAULT_POLICIES: 'AuthManageOwnCredentials,FSReadAll',
    ENTRA_AUTHORITY: entra.loginUrl,
    GRAPH_BASE_URL: entra.graphUrl.replace(/\/v1\.0$/, ''),
    CA_FILE: join(dir, 'ca.pem'),
    STATE_DIR: join(dir, 'state'),
    LOG_DIR: join(dir, 'log'),
    RUN_DIR: join(dir, 'run'),
    PATH: process.env.PATH,
    HOME: dir,
  };
}
