import { expect, test } from 'vitest';
import type { ListedUser } from '../../../../src/targets/proxmox/schema.js';
import { estimateUserConfigBytes } from '../../../../src/targets/proxmox/user-config-size.js';

function user(userid: string, fields: Partial<ListedUser> = {}): ListedUser {
  return {
    userid,
    enable: true,
    expire: 0,
    comment: '',
    firstname: '',
    lastname: '',
    email: '',
    groups: [],
    ...fields,
  };
}

test('counts a bare user as its line', () => {
  const bytes = estimateUserConfigBytes([user('bob@entra')], new Map());

  expect(bytes).toBe('user:bob@entra:1:0::::::\n'.length);
});

test('counts texts as PVE stores them, percent-encoded', () => {
  const bare = estimateUserConfigBytes([user('bob@entra')], new Map());
  const costOf = (comment: string): number =>
    estimateUserConfigBytes([user('bob@entra', { comment })], new Map()) - bare;

  expect(costOf('plain text')).toBe(10);
  expect(costOf('a:b%')).toBe(8);
  expect(costOf('ü')).toBe(6);
  expect(costOf('🙂')).toBe(12);
});

test('counts each membership with its comma', () => {
  const empty = estimateUserConfigBytes([], new Map([['g', []]]));

  const two = estimateUserConfigBytes([], new Map([['g', ['a@entra', 'b@entra']]]));

  expect(two - empty).toBe(16);
});
