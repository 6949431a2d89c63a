import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type KeptLink, openLinkStore } from '../../../../src/reconcile/catch-up/links.js';
import { ALICE, EVERYBODY, NOW } from '../../domain/builders.js';

const TENANT = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
const GRAPH = 'https://graph.microsoft.com';
const USERS: KeptLink = {
  query: { kind: 'users', ids: undefined },
  link: `${GRAPH}/v1.0/users/delta?$deltatoken=a`,
  issuedAt: NOW,
};
const GROUPS: KeptLink = {
  query: { kind: 'groups', ids: [EVERYBODY] },
  link: `${GRAPH}/v1.0/groups/delta?$deltatoken=b`,
  issuedAt: NOW + 1,
};

describe('the links of catch-up', () => {
  let dir: string;
  let path: string;
  let complaints: string[];

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'entramox-links-'));
    path = join(dir, 'catch-up.json');
    complaints = [];
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const open = (origin: { tenantId?: string; graphBaseUrl?: string } = {}) =>
    openLinkStore({
      path,
      tenantId: TENANT,
      graphBaseUrl: GRAPH,
      ...origin,
      complain: (why) => complaints.push(why),
    });

  it('begin with none on a new host, without a complaint', async () => {
    const store = await open();

    expect([store.list(), complaints]).toEqual([[], []]);
  });

  it('are there again after a restart', async () => {
    await (await open()).replace([USERS, GROUPS]);

    const store = await open();

    expect(store.list()).toEqual([USERS, GROUPS]);
    expect(complaints).toEqual([]);
  });

  it('lie in a file that others than the group of the service cannot read', async () => {
    await (await open()).replace([USERS]);

    expect((await stat(path)).mode & 0o777 & ~0o640).toBe(0);
    expect(await readdir(dir)).toEqual(['catch-up.json']);
  });

  it.each<[string, (text: string) => string]>([
    ['half-written', (text) => text.slice(0, text.length / 2)],
    ['empty', () => ''],
    ['no JSON', () => '\u0000\u0000'],
    ['JSON of another kind', () => '[]'],
    ['of a newer version', (text) => text.replace('"version":1', '"version":2')],
    ['with an id that is none', (text) => text.replace(EVERYBODY, 'x')],
    ['with a link that is none', (text) => text.replace(/https:[^"]*delta[^"]*/, 'nowhere')],
    ['with a link that leads elsewhere', (text) => text.replace(`${GRAPH}/v1.0`, 'https://elsewhere.example/v1.0')],
    ['with a time that cannot be', (text) => text.replace(String(NOW), '-1')],
  ])('count as none, with a complaint, where the file is %s', async (_, spoil) => {
    await (await open()).replace([USERS, GROUPS]);
    await writeFile(path, spoil(await readFile(path, 'utf8')));

    const store = await open();
    const found = store.list();
    await store.replace([GROUPS]);

    expect(found).toEqual([]);
    expect(complaints).toHaveLength(1);
    expect((await open()).list()).toEqual([GROUPS]);
  });

  it('never tell in a complaint what stands in the file', async () => {
    await (await open()).replace([USERS]);
    await writeFile(path, (await readFile(path, 'utf8')).replace('"users"', '"s3cr3t"'));

    await open();

    expect(complaints[0]).toContain('links.0.kind');
    expect(complaints[0]).not.toContain('s3cr3t');
  });

  it.each([
    ['tenant', { tenantId: 'bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee' }],
    ['cloud', { graphBaseUrl: 'https://graph.microsoft.us' }],
  ])('of another %s are not used', async (_, origin) => {
    await (await open()).replace([USERS]);

    const store = await open(origin);

    expect(store.list()).toEqual([]);
  });

  it('stay what they were in memory where they cannot be written', async () => {
    const store = await open();
    await store.replace([USERS]);
    await rm(dir, { recursive: true });

    await expect(store.replace([GROUPS])).rejects.toThrow('ENOENT');

    expect(store.list()).toEqual([USERS]);
  });

  it('keep users by their ids', async () => {
    const byId: KeptLink = { ...USERS, query: { kind: 'users', ids: [ALICE] } };

    await (await open()).replace([byId]);

    expect((await open()).list()).toEqual([byId]);
  });
});
