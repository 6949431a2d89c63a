import type { LakefsClient } from './client.js';
import { LakefsError } from './errors.js';

/** How a lakeFS lets people in: by policies of groups, by one ACL for each group, or not by groups at all. */
export type AccessControl = 'policies' | 'acls' | 'none';

/**
 * Which kind of lakeFS this is, asked by reading alone. Throws as the client does, but for the answer that tells:
 * `none` is an answer here.
 */
export async function readAccessControl(client: LakefsClient, signal: AbortSignal): Promise<AccessControl> {
  try {
    await client.listGroups(signal);
    await client.listPolicies(signal);
    return 'policies';
  } catch (error) {
    if (error instanceof LakefsError && error.kind === 'no-rbac') return 'none';
    if (error instanceof LakefsError && error.kind === 'no-policies') return 'acls';
    throw error;
  }
}
