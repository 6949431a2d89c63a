import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { oldLakefsSettings } from '../../lab/old-lakefs-settings.js';
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
    env: { ...oldLakefsSettings(entra, lakefs, dir), LAKEFS_DEFAULT_POLICIES: POLICIES.join(), FIRST_RUN: 'apply' },
    async close() {
      await Promise.all([entra.close(), lakefs.close()]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
