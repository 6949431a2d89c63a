import { describe, expect, it } from 'vitest';
import { describeStep, type ProxmoxStep, type Step } from '../../../src/domain/step.js';
import { ALICE } from './builders.js';

const linux = { target: 'linux', oid: ALICE, name: 'alice' } as const;
const fields = { enabled: true, comment: 'c', firstName: 'A', lastName: 'B', email: '', groups: ['x', 'y'] };
const update: ProxmoxStep = {
  target: 'proxmox',
  action: 'update',
  effect: 'touch',
  oid: ALICE,
  name: 'alice@example.com@entra',
  change: {},
  groups: ['x', 'y'],
  append: false,
  before: fields,
};

describe('describeStep', () => {
  it.each<[Step, string]>([
    [{ ...linux, action: 'create', effect: 'create', gecos: 'Alice' }, 'linux create alice'],
    [{ ...linux, action: 'lock', effect: 'lock' }, 'linux lock alice'],
    [{ ...linux, action: 'unlock', effect: 'grant' }, 'linux unlock alice'],
    [{ ...linux, action: 'delete', effect: 'delete' }, 'linux delete alice'],
    [{ ...linux, action: 'sudo', effect: 'grant', granted: true }, 'linux sudo alice grant'],
    [{ ...linux, action: 'sudo', effect: 'revoke', granted: false }, 'linux sudo alice revoke'],
    [
      { ...linux, action: 'groups', effect: 'grant', before: ['a', 'b'], groups: ['b', 'c'] },
      'linux groups alice [a b] -> [b c]',
    ],
    [
      { target: 'proxmox', action: 'create', effect: 'create', oid: ALICE, name: 'alice@example.com@entra', fields },
      'proxmox create alice@example.com@entra',
    ],
    [
      { ...update, change: { enabled: false, comment: 'gone' } },
      'proxmox update alice@example.com@entra enabled=false, comment="gone"',
    ],
    [{ ...update, groups: ['x', 'z'] }, 'proxmox update alice@example.com@entra groups [x y] -> [x z]'],
    [
      { ...update, change: { email: 'a@b' }, groups: ['z'], append: true },
      'proxmox update alice@example.com@entra email="a@b", groups [x y] + [z]',
    ],
  ])('tells %j on one line', (step, line) => {
    expect(describeStep(step)).toBe(line);
  });
});
