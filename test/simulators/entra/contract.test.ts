import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createContract, loadContract } from '../contract.js';
import { type Bed, contractFaults, startBed } from './harness.js';

const contract = loadContract('graph.openapi.json');
const why = contract ? '' : ' (skipped: the contract documents are not beside this checkout)';

describe.skipIf(!contract)(`the Entra simulator against the description of Graph${why}`, () => {
  let bed: Bed;

  beforeEach(async () => {
    bed = await startBed({ subscriptionPageSize: 1, deltaPageSize: 2 });
  });

  afterEach(async () => {
    await bed.close();
  });

  it('keeps it in every endpoint and every notification', async () => {
    const { directory } = bed.sim;
    const group = directory.addGroup({ displayName: 'linux' });
    const inner = directory.addGroup({ displayName: 'inner' });
    const oid = directory.addUser({ userPrincipalName: 'alice@example.com', givenName: 'Alice' });
    const gone = directory.addUser({ userPrincipalName: 'bob@example.com' });
    directory.softDeleteUser(gone);
    directory.addMember(group, inner);
    await bed.subscribe('/users');
    const subscription = await bed.subscribe('/groups');
    directory.addMember(inner, oid);
    directory.removeMember(inner, oid);
    directory.addMember(inner, oid);
    directory.updateUser(oid, { accountEnabled: false });
    bed.sim.notifications.sendLifecycle(subscription, 'reauthorizationRequired');
    const eventual = { ConsistencyLevel: 'eventual' };
    const paths = [
      '/subscriptions',
      `/subscriptions/${subscription}`,
      '/users?$top=1',
      `/users/${oid}`,
      `/users/${oid}?$select=id,accountEnabled,userPrincipalName`,
      `/users/${oid}/memberOf`,
      `/users/${oid}/transitiveMemberOf`,
      `/users/${oid}/transitiveMemberOf/microsoft.graph.group?$count=true`,
      '/users/delta',
      '/users/delta?$deltatoken=latest',
      '/groups',
      `/groups/${group}`,
      `/groups/${group}/members`,
      `/groups/${group}/members/microsoft.graph.group?$count=true`,
      `/groups/${group}/transitiveMembers`,
      `/groups/${group}/transitiveMembers/microsoft.graph.user?$count=true&$select=id,accountEnabled&$top=999`,
      '/groups/delta?$select=displayName,members',
      `/directory/deletedItems/${gone}`,
      '/directory/deletedItems/microsoft.graph.user',
    ];

    for (const path of paths) expect((await bed.call('GET', path, undefined, eventual)).status, path).toBe(200);
    const check = { groupIds: [group] };
    await bed.call('POST', `/users/${oid}/checkMemberGroups`, check);
    const requests = [{ id: '1', method: 'GET', url: `/users/${oid}` }];
    await bed.call('POST', '/$batch', { requests });
    await bed.call('POST', `/subscriptions/${subscription}/reauthorize`);
    await bed.call('DELETE', `/subscriptions/${subscription}`);
    await bed.call('GET', `/subscriptions/${subscription}`);
    await bed.sim.deliveries.idle();

    expect(bed.exchanges.length).toBeGreaterThan(paths.length + 5);
    expect(bed.webhook.received.length).toBeGreaterThan(4);
    expect(contractFaults(contract, bed.exchanges, bed.webhook.received)).toEqual([]);
  });

  it('would be found out if it broke it', () => {
    const exchange = {
      method: 'GET',
      path: '/users/not-a-guid?$top=5',
      requestHeaders: {},
      requestBody: undefined,
      status: 200,
      responseHeaders: {},
      responseBody: { id: 7, accountEnabled: 'yes' },
      inBatch: false,
    };

    const faults = contractFaults(contract, [exchange], []);

    expect(faults).toEqual([
      expect.stringContaining('query option $top is not in the contract'),
      expect.stringContaining('path user-id'),
      expect.stringContaining('/id must be string'),
      expect.stringContaining('/accountEnabled'),
    ]);
  });
});

describe('a contract', () => {
  const pet = {
    type: 'object',
    required: ['name'],
    properties: {
      name: { type: 'string' },
      owner: { type: 'string', nullable: true },
      kind: { type: 'string', enum: ['cat', 'dog'], nullable: true },
      next: { $ref: '#/components/schemas/pet' },
    },
  };
  const document = {
    openapi: '3.0.3',
    paths: {
      '/pets/{id}': {
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'integer' } }],
        get: {
          parameters: [
            { name: 'depth', in: 'query', schema: { type: 'integer', maximum: 3 } },
            { name: 'X-Mode', in: 'header', required: true, schema: { type: 'string', enum: ['fast'] } },
          ],
          responses: { 200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/pet' } } } } },
        },
        put: {
          requestBody: {
            required: true,
            content: {
              'application/json': { schema: { type: 'object', properties: { age: { type: 'integer' } } } },
              'application/x-www-form-urlencoded': {
                schema: { type: 'object', additionalProperties: false, properties: { age: { type: 'integer' } } },
              },
            },
          },
          responses: { 204: { description: 'done' }, default: { description: 'error' } },
        },
      },
      '/pets/first': { get: { responses: { 200: { description: 'text' } } } },
    },
    components: { schemas: { pet } },
  };
  const get = { method: 'GET', path: '/pets/1?depth=2', requestHeaders: { 'x-mode': 'fast' }, status: 200 };
  const form = { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' };

  it('accepts what fits, null where it is allowed, through references', () => {
    const responseBody = { name: 'a', owner: null, kind: null, next: { name: 'b', owner: 'c', kind: 'dog' } };

    const faults = createContract(document).check({ ...get, responseBody });

    expect(faults).toEqual([]);
  });

  it.each([
    ['null where it is not', { responseBody: { name: null } }, 'answer 200/name must be string'],
    ['a value that is not in the list', { responseBody: { name: 'a', kind: 'fish' } }, 'answer 200/kind'],
    ['a wrong nested object', { responseBody: { name: 'a', next: {} } }, 'answer 200/next must have required property'],
    ['no answer where one is described', { responseBody: undefined }, 'answer 200 must be object'],
    ['an unknown query option', { path: '/pets/1?colour=red' }, 'query option colour is not in the contract'],
    ['a query option out of range', { path: '/pets/1?depth=4' }, 'query depth'],
    ['a path that does not fit', { path: '/pets/one' }, 'path id'],
    ['a missing header', { requestHeaders: {} }, 'header X-Mode is missing'],
    ['a status that is not described', { status: 404 }, 'status 404 is not in the contract'],
    ['a body that is not described', { requestBody: {} }, 'a request body is not in the contract'],
    ['an unknown path', { path: '/cats/1' }, 'GET /cats/1 is not in the contract'],
    ['an unknown method', { method: 'DELETE' }, 'DELETE /pets/1?depth=2 is not in the contract'],
  ])('finds %s', (_, change, expected) => {
    const faults = createContract(document).check({ ...get, responseBody: { name: 'a' }, ...change });

    expect(faults).toEqual([expect.stringContaining(expected)]);
  });

  it('reads numbers in forms but not in JSON', () => {
    const put = { method: 'PUT', path: '/pets/1', requestBody: { age: '7' }, status: 204 };
    const checked = createContract(document);

    const asForm = checked.check({ ...put, requestHeaders: form });
    const asJson = checked.check({ ...put, requestHeaders: { 'content-type': 'application/json' } });
    const unknown = checked.check({ ...put, requestHeaders: form, requestBody: { size: '7' } });

    expect(asForm).toEqual([]);
    expect(asJson).toEqual([expect.stringContaining('request body/age must be integer')]);
    expect(unknown).toEqual([expect.stringContaining('additional properties')]);
  });

  it('means the path without placeholders where both fit', () => {
    const checked = createContract(document);

    expect(checked.template('/pets/first')).toBe('/pets/first');
    expect(checked.template('/pets/2')).toBe('/pets/{id}');
  });

  it('is undefined where the document is not at hand', () => {
    expect(loadContract('no-such-document.json')).toBeUndefined();
  });
});
