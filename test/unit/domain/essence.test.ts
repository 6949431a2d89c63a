import { describe, expect, it } from 'vitest';
import { essenceOf } from '../../../src/domain/essence.js';
import type { ProxmoxStep, Step } from '../../../src/domain/step.js';
import { ALICE } from './builders.js';

const linux = { target: 'linux', oid: ALICE, name: 'alice' } as const;
const userid = 'alice@example.com@entra';
const before = { enabled: true, comment: '', firstName: '', lastName: '', email: '', groups: ['a', 'b'] };

type Update = Extract<ProxmoxStep, { action: 'update' }>;

function update(change: Partial<Update>): ProxmoxStep {
  const step = { target: 'proxmox', action: 'update', oid: ALICE, name: userid, append: false, before } as const;
  return { ...step, effect: 'touch', change: {}, groups: before.groups, ...change };
}

describe('the essence of a step', () => {
  it.each<[Step, string]>([
    [{ ...linux, action: 'create', effect: 'create', gecos: 'Alice' }, 'linux create alice'],
    [{ ...linux, action: 'lock', effect: 'lock' }, 'linux lock alice'],
    [{ ...linux, action: 'delete', effect: 'delete' }, 'linux delete alice'],
    [{ ...linux, action: 'sudo', effect: 'grant', granted: true }, 'linux sudo alice grant'],
    [{ ...linux, action: 'sudo', effect: 'revoke', granted: false }, 'linux sudo alice revoke'],
    [
      { ...linux, action: 'groups', effect: 'grant', before: ['a', 'b'], groups: ['b', 'c'] },
      'linux groups alice +c -a',
    ],
    [
      { target: 'proxmox', action: 'create', effect: 'create', oid: ALICE, name: userid, fields: before },
      `proxmox create ${userid} +a +b`,
    ],
    [update({ change: { comment: 'new', lastName: 'Other' } }), `proxmox touch ${userid}`],
    [update({ effect: 'grant', change: { enabled: true } }), `proxmox grant ${userid} enabled`],
    [update({ effect: 'grant', groups: ['a', 'b', 'c'] }), `proxmox grant ${userid} +c`],
    [update({ effect: 'revoke', groups: ['b', 'c'] }), `proxmox revoke ${userid} +c -a`],
    [update({ effect: 'grant', groups: ['c'], append: true }), `proxmox grant ${userid} +c`],
    [update({ effect: 'lock', change: { enabled: false }, groups: ['c'] }), `proxmox lock ${userid}`],
  ])('of %j tells what becomes of somebody', (step, words) => {
    expect(essenceOf(step)).toBe(words);
  });
});
