import { expect, test } from 'vitest';
import { needsOf } from '../../../../../../src/targets/proxmox/needs.js';
import { declareCredential } from '../../../../../../src/targets/proxmox/tokens/declared-sinks/credential.js';
import { entriesOf } from '../../../../../../src/targets/proxmox/tokens/entries.js';
import { wantedOf } from '../../../../../../src/targets/proxmox/tokens/self/wanted.js';
import { policy } from '../../../../domain/builders.js';

function wanted(change: Parameters<typeof policy>[0] = {}, stopsConsoles = false) {
  const sink = declareCredential('/x');
  return wantedOf({ policy: policy(change), stopsConsoles, owner: 'entramox@pve', name: 'entramox', sink, expire: 0 });
}

test.each([
  ['who creates', {}, false],
  ['who only looks after those who are there', { provision: 'existing' as const }, false],
  ['who also stops consoles', {}, true],
  ['without any role', { roleMap: [], allUsers: undefined, superAdmin: undefined }, false],
])('asks for exactly what the doctor asks for: %s', (_who, change, stopsConsoles) => {
  const { groups, declaration, roles } = wanted(change, stopsConsoles);
  const creates = policy(change).provision === 'create';
  const needs = needsOf({ realm: 'entra', managedGroups: groups, creates, stopsConsoles });

  const entries = entriesOf(declaration);
  const privilegeOf = new Map(roles.map(({ role, privilege }) => [role, privilege]));
  const granted = entries
    .filter(({ type }) => type === 'user')
    .map(({ path, roleid }) => `${privilegeOf.get(roleid)} ${path}`);

  expect(granted.toSorted()).toEqual(needs.map(({ path, anyOf }) => `${anyOf[0]} ${path}`).toSorted());
  expect(entries.filter(({ type }) => type === 'token')).toHaveLength(granted.length);
});

test('never grants to write users, rights or realms beyond the managed groups', () => {
  const { declaration } = wanted({}, true);

  const writing = entriesOf(declaration).filter(({ roleid }) => !roleid.endsWith('.Audit'));

  for (const { path, propagate, roleid } of writing) {
    if (roleid === 'Entramox-Sys.Modify') continue;
    expect(path).toMatch(/^\/access\/(groups|realm)\/[^/]+$/);
    expect(propagate).toBe(false);
  }
  expect(writing.length).toBeGreaterThan(4);
});
