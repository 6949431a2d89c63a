import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EntraSimulator, startEntraSimulator } from '../../simulators/entra/index.js';
import { type LakefsSimulator, startLakefsSimulator } from '../../simulators/lakefs/index.js';
import { createTestAuthority } from '../../simulators/tls.js';

/** How large the directory is. */
export interface Size {
  groups: number;
  /** In each group; everybody is in several. */
  members: number;
  people: number;
}

/** Entra with its groups, an empty lakeFS Cloud where everybody has signed in once, and the settings of the old tool. */
export interface LakefsStage {
  entra: EntraSimulator;
  lakefs: LakefsSimulator;
  env: NodeJS.ProcessEnv;
  /** PEM of the authority of both. */
  ca: string;
  groupIds: readonly string[];
  close(): Promise<void>;
}

export const POLICIES = ['AuthManageOwnCredentials', 'FSReadAll'] as const;

/** Everything on loopback, in a directory of its own. */
export async function openLakefsStage({ groups, members, people }: Size): Promise<LakefsStage> {
  const authority = await createTestAuthority();
  const [entra, lakefs] = await Promise.all([
    startEntraSimulator({ authority, minimumHealthSamples: 1_000_000 }),
    startLakefsSimulator({ authority, flavour: 'cloud' }),
  ]);
  const dir = mkdtempSync(join(tmpdir(), 'entramox-bench-lakefs-'));
  writeFileSync(join(dir, 'ca.pem'), authority.cert);
  for (const name of ['state', 'log', 'run']) mkdirSync(join(dir, name));
  const oids = Array.from({ length: people }, (_, index) => {
    const upn = `p${String(index).padStart(5, '0')}@example.com`;
    const oid = entra.directory.addUser({ userPrincipalName: upn, displayName: upn });
    lakefs.addPerson({ oid, upn }, 'cloud');
    return oid;
  });
  const groupIds = Array.from({ length: groups }, (_, group) => {
    const id = entra.directory.addGroup({ displayName: `LakeFSProject${group}` });
    // Neighbouring groups share most of their members, as projects do.
    for (let member = 0; member < members; member += 1) {
      entra.directory.addMember(id, oids[(group * 7 + member) % people] ?? '');
    }
    return id;
  });
  return {
    ...{ entra, lakefs, ca: authority.cert, groupIds },
    env: {
      ENTRA_TENANT_ID: entra.tenantId,
      ENTRA_APPLICATION_ID: entra.clientId,
      ENTRA_CLIENT_SECRET_VALUE: entra.clientSecret,
      LAKEFS_ACCESS_KEY_ID: lakefs.key.accessKeyId,
      LAKEFS_SECRET_ACCESS_KEY: lakefs.key.secretAccessKey,
      LAKEFS_ENDPOINT: lakefs.url,
      GROUP_FILTER: 'LakeFSProject*',
      LAKEFS_DEFAULT_POLICIES: POLICIES.join(),
      ENTRA_AUTHORITY: entra.loginUrl,
      GRAPH_BASE_URL: entra.graphUrl.replace(/\/v1\.0$/, ''),
      CA_FILE: join(dir, 'ca.pem'),
      STATE_DIR: join(dir, 'state'),
      LOG_DIR: join(dir, 'log'),
      RUN_DIR: join(dir, 'run'),
      FIRST_RUN: 'apply',
      PATH: process.env.PATH,
      HOME: dir,
    },
    async close() {
      await Promise.all([entra.close(), lakefs.close()]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
