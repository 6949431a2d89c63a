import { expect, test } from 'vitest';
import { errorOf, kindOf, type ProxmoxErrorKind } from '../../../../src/targets/proxmox/proxmox-error.js';

const CASES: [number, string, ProxmoxErrorKind][] = [
  [500, "no such user ('alice@entra')", 'no-such-user'],
  [500, "update user failed: no such group 'x'", 'no-such-group'],
  [500, "group 'x' does not exist", 'no-such-group'],
  [500, "create user failed: user 'alice@entra' already exists", 'exists'],
  [400, 'Parameter verification failed. tokenid: Token already exists.', 'exists'],
  [403, 'Permission check failed (/access/groups, User.Modify)', 'permission'],
  [403, 'Permission check failed', 'permission'],
  [401, 'No ticket', 'unauthenticated'],
  [401, 'Authentication failed!', 'unauthenticated'],
  [500, "cfs-lock 'file-user_cfg' error: got lock request timeout", 'lock-timeout'],
  [500, "cfs-lock 'file-user_cfg' error: no quorum!", 'no-quorum'],
  [500, "update user failed: unable to write '/etc/pve/user.cfg.tmp.99' - File too large", 'full'],
  [400, 'Parameter verification failed. email: invalid format', 'bad-parameter'],
  [500, 'ACL update failed: 400 Parameter verification failed.', 'bad-parameter'],
  [595, 'Connection refused', 'unavailable'],
  [503, '', 'unavailable'],
  [501, "Method 'PATCH /access' not implemented", 'other'],
  [500, 'something new', 'other'],
];

test.each(CASES)('sorts %i "%s" as %s', (status, text, kind) => {
  expect(kindOf(status, text)).toBe(kind);
});

test.each([...new Set(CASES.map(([, , kind]) => kind))])('gives %s a message with call, host and remedy', (kind) => {
  const [status, text] = CASES.find((entry) => entry[2] === kind) ?? [500, ''];

  const error = errorOf({
    status,
    text,
    call: 'PUT /access/users/a@entra',
    host: 'pve1:8006',
    caller: { kind: 'api-token', owner: 'svc@pve', id: 'svc@pve!t', from: 'PVE_API_TOKEN' },
  });

  expect(error.kind).toBe(kind);
  expect(error.message).toMatch(/^Proxmox VE at pve1:8006 answered PUT \/access\/users\/a@entra with ".+": .{20,}/);
});

test('names the privilege and the path that PVE asked for', () => {
  const text = 'Permission check failed (/access/realm/entra, Realm.AllocateUser)';

  const error = errorOf({
    status: 403,
    text,
    call: 'POST /access/users',
    host: 'pve1',
    caller: { kind: 'api-token', owner: 'svc@pve', id: 'svc@pve!t', from: 'PVE_API_TOKEN' },
  });

  expect(error.message).toContain('(Realm.AllocateUser on /access/realm/entra)');
});
