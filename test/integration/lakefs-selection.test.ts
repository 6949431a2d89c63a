import { Agent } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LakefsSelection } from '../../src/domain/lakefs.js';
import { assignedGroups } from '../../src/entra/app-assignments.js';
import { createGraphClient, type GraphClient } from '../../src/entra/graph-client.js';
import { groupsById, groupsNamed } from '../../src/entra/group-search.js';
import { type GroupSource, type SelectionRules, selectGroups } from '../../src/targets/lakefs/selection.js';
import { type EntraSimulator, startEntraSimulator } from '../simulators/entra/index.js';
import { createTestAuthority, type TestAuthority } from '../simulators/tls.js';

const signal = new AbortController().signal;
const RULES: SelectionRules = {
  source: 'filter',
  filter: '*',
  groupIds: [],
  mapping: [],
  defaultPolicies: ['AuthManageOwnCredentials', 'FSReadAll'],
  defaultAcl: undefined,
};

let authority: TestAuthority;
let dispatcher: Agent;
let entra: EntraSimulator;
let graph: GraphClient;

beforeAll(async () => {
  authority = await createTestAuthority();
  dispatcher = new Agent({ connect: { ca: [authority.cert] } });
});

afterAll(() => dispatcher.destroy());

beforeEach(async () => {
  const roles = ['GroupMember.Read.All', 'User.Read.All', 'Application.Read.All'];
  entra = await startEntraSimulator({ authority, roles });
  graph = createGraphClient({
    baseUrl: entra.graphUrl,
    credential: { getToken: async () => entra.credentials.issueToken() },
    log: () => undefined,
    // Nothing here waits for back-off.
    clock: { now: Date.now, sleep: async () => undefined },
    dispatcher,
  });
});

afterEach(() => entra.close());

function select(rules: Partial<SelectionRules>, clientId = entra.clientId): Promise<LakefsSelection> {
  const groups: GroupSource = {
    groupsNamed: (prefix, off) => groupsNamed(graph, prefix, off),
    groupsById: (ids, off) => groupsById(graph, ids, off),
    assignedGroups: (off) => assignedGroups(graph, clientId, off),
  };
  return selectGroups({ groups, rules: { ...RULES, ...rules }, owners: new Map(), signal });
}

function names(selection: LakefsSelection): string[] {
  if (selection.certainty === 'unknown') throw new Error(selection.why);
  return selection.wanted.map(({ displayName }) => displayName).sort();
}

describe('groups for lakeFS by their names', () => {
  it('are those that match, upper and lower case apart, of those that Graph finds by the beginning', async () => {
    for (const displayName of ['LakeFSProject1', 'lakefsproject2', 'LakeFSProject', 'Else', "LakeFS' end"]) {
      entra.directory.addGroup({ displayName });
    }

    const selection = await select({ filter: 'LakeFS*' });
    const quoted = await select({ filter: "LakeFS'*" });

    expect(names(selection)).toEqual(["LakeFS' end", 'LakeFSProject', 'LakeFSProject1']);
    expect(names(quoted)).toEqual(["LakeFS' end"]);
    expect(decodeURIComponent(entra.calls.list()[0]?.path ?? '')).toContain("startswith(displayName,'LakeFS')");
  });

  it('are read to the last page', async () => {
    for (let index = 0; index < 1_100; index += 1) entra.directory.addGroup({ displayName: `group ${index}` });

    const selection = await select({ filter: '*' });

    expect(names(selection)).toHaveLength(1_100);
    expect(entra.calls.count('GET /groups')).toBe(2);
  });

  it('are unknown where a page could not be read, and where we may not ask', async () => {
    entra.directory.addGroup({ displayName: 'LakeFSProject1' });
    entra.credentials.setRoles([]);

    const refused = await select({ filter: '*' });

    expect(refused).toMatchObject({ certainty: 'unknown', mend: expect.stringContaining('GroupMember.Read.All') });
  });
});

describe('groups for lakeFS by their ids', () => {
  it('are those that exist, under the name that they have now', async () => {
    const kept = entra.directory.addGroup({ displayName: 'Old name' });
    const deleted = entra.directory.addGroup({ displayName: 'Gone' });
    entra.directory.updateGroup(kept, { displayName: 'New name' });
    entra.directory.deleteGroup(deleted);

    const selection = await select({ source: 'ids', groupIds: [kept, deleted] });

    expect(names(selection)).toEqual(['New name']);
  });
});

describe('groups for lakeFS by what is assigned to the application', () => {
  it('are each of them once, with the name of today, and neither people nor what was taken away again', async () => {
    const [twice, renamed, taken] = ['Twice', 'Old', 'Taken'].map((displayName) =>
      entra.directory.addGroup({ displayName }),
    ) as [string, string, string];
    entra.directory.addGroup({ displayName: 'Not assigned' });
    entra.assignments.assign(twice);
    entra.assignments.assign(twice, { appRoleId: '11111111-0000-4000-8000-000000000000' });
    entra.assignments.assign(renamed);
    entra.assignments.assign(taken);
    entra.assignments.assign(entra.directory.addUser({ userPrincipalName: 'alice@example.com' }));
    entra.assignments.unassign(taken);
    entra.directory.updateGroup(renamed, { displayName: 'New' });

    const selection = await select({ source: 'app-assignments' });

    expect(names(selection)).toEqual(['New', 'Twice']);
  });

  it('are all of them, whatever their number', async () => {
    for (let index = 0; index < 130; index += 1) {
      entra.assignments.assign(entra.directory.addGroup({ displayName: `group ${index}` }));
    }

    expect(names(await select({ source: 'app-assignments' }))).toHaveLength(130);
  });

  it('are unknown without the permission or without an enterprise application, with what mends it', async () => {
    entra.assignments.removeServicePrincipal(true);
    const gone = await select({ source: 'app-assignments' });
    entra.credentials.setRoles(['GroupMember.Read.All']);
    const refused = await select({ source: 'app-assignments' });

    expect(gone).toMatchObject({ certainty: 'unknown', mend: expect.stringContaining('az ad sp create') });
    expect(refused).toMatchObject({ certainty: 'unknown', mend: expect.stringContaining('Application.Read.All') });
  });
});
