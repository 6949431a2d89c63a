import { describe, expect, it } from 'vitest';
import { formerNames, namesFor } from '../../../src/domain/plan.js';
import { ALICE, BOB, entry, policy } from './builders.js';

const nobody = () => undefined;
const proxmoxOf = (change: Parameters<typeof entry>[0]) => namesFor(entry(change), policy(), nobody).proxmox;
const linuxOf = (change: Parameters<typeof entry>[0], holderOf: (name: string) => string | undefined = nobody) =>
  namesFor(entry(change), policy(), holderOf).linux;

describe('the Unix name of an identity', () => {
  it('comes from the user principal name where nobody holds it, or only the identity itself', () => {
    expect(linuxOf({ names: {} })).toEqual({ name: 'alice' });
    expect(linuxOf({ names: {} }, (name) => (name === 'alice' ? ALICE : BOB))).toEqual({ name: 'alice' });
  });

  it('is a conflict with what to do where it cannot be made', () => {
    expect(linuxOf({ names: {}, upn: 'root@example.com' })).toEqual({
      conflict: { what: '"root" is a reserved name', remedy: 'change the user principal name, or USERNAME_MODE' },
    });
  });

  it('is a conflict that names the other one where somebody holds it', () => {
    expect(linuxOf({ names: {} }, () => BOB)).toEqual({
      conflict: {
        what: `the Unix name "alice" belongs to another identity (${BOB})`,
        remedy: 'give one of the two another user principal name, or use USERNAME_MODE=upn_concat',
      },
    });
  });
});

describe('the Proxmox name of an identity', () => {
  it('is that of the user principal name, with nothing former where it has not changed', () => {
    expect(proxmoxOf({})).toEqual({ name: 'alice@example.com@entra', former: undefined, retired: [] });
    expect(proxmoxOf({ names: {} })).toEqual({ name: 'alice@example.com@entra', former: undefined, retired: [] });
  });

  it('follows a new user principal name and remembers every earlier one once', () => {
    const retired = ['first@example.com@entra', 'alice@example.com@entra', 'ann@example.com@entra'];

    expect(proxmoxOf({ upn: 'ann@example.com', retired })).toEqual({
      name: 'ann@example.com@entra',
      former: 'alice@example.com@entra',
      retired: ['first@example.com@entra'],
    });
  });

  it('stays where the new user principal name is one that Proxmox cannot hold', () => {
    const retired = ['first@example.com@entra', 'alice@example.com@entra'];

    expect(proxmoxOf({ upn: 'a,b@example.com', retired })).toEqual({
      name: 'alice@example.com@entra',
      retired: ['first@example.com@entra'],
    });
  });

  it('is a conflict where Proxmox cannot hold it and nobody is there yet', () => {
    expect(proxmoxOf({ upn: 'a,b@example.com', names: {} })).toEqual({
      conflict: {
        what: 'Proxmox cannot hold the user name "a,b@example.com"',
        remedy: 'change the user principal name in Entra',
      },
    });
  });
});

describe('former names', () => {
  const linux = { name: 'alice' };

  it('are the last one and those before it', () => {
    expect(formerNames({ linux, proxmox: { name: 'c', former: 'b', retired: ['a'] } })).toEqual(['b', 'a']);
    expect(formerNames({ linux, proxmox: { name: 'c', retired: ['a'] } })).toEqual(['a']);
  });

  it('are none where there is no name at all', () => {
    expect(formerNames({ linux, proxmox: { conflict: { what: '', remedy: '' } } })).toEqual([]);
  });
});
