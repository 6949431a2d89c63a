import { expect, test } from 'vitest';
import { pveshArguments } from '../../../../../src/targets/proxmox/transport/pvesh-arguments.js';

test.each([
  ['GET', 'get'],
  ['POST', 'create'],
  ['PUT', 'set'],
  ['DELETE', 'delete'],
] as const)('says %s as %s, with the path as it is and the answer as JSON', (method, verb) => {
  const args = pveshArguments({ method, route: '/access/users/{userid}', params: { userid: 'a+b#c%20@pve' } });

  expect(args).toEqual([verb, '/access/users/a+b#c%20@pve', '--output-format=json']);
});

test('puts query and body behind the path, one argument each, and an empty value beside its name', () => {
  const args = pveshArguments({
    method: 'PUT',
    route: '/access/acl',
    query: { full: '1' },
    body: { path: '/', delete: 1, comment: '', roles: '--x' },
  });

  expect(args.slice(2, -1)).toEqual(['--full=1', '--path=/', '--delete=1', '--comment', '', '--roles=--x']);
});

test.each(['client-key', 'password', 'confirmation-password', 'otp', 'tfa-challenge', 'value'])(
  'refuses to name a %s in an argument, in the query as in the body',
  (name) => {
    const route = '/access/x';

    expect(() => pveshArguments({ method: 'POST', route, body: { [name]: 'hunter22' } })).toThrow(/--admin-user/);
    expect(() => pveshArguments({ method: 'DELETE', route, query: { [name]: 'hunter22' } })).toThrow(/--admin-user/);
    expect(() => pveshArguments({ method: 'POST', route, body: { [name]: 'hunter22' } })).not.toThrow(/hunter22/);
  },
);

test.each(['', '.', '..', 'a/b', '../x', 'a\0'])('puts no %j into a path', (userid) => {
  expect(() => pveshArguments({ method: 'GET', route: '/access/users/{userid}', params: { userid } })).toThrow(/path/);
});

test('takes no path with a hole in it', () => {
  expect(() => pveshArguments({ method: 'GET', route: '/access/users/{userid}' })).toThrow(/userid/);
});

test.each(['--x', 'a=b', 'a b', ''])('takes no parameter of the name %j', (name) => {
  expect(() => pveshArguments({ method: 'POST', route: '/x', body: { [name]: 'y' } })).toThrow(/parameter/);
});
