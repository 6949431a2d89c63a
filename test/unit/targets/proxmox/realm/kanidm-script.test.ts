import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type KanidmWish, kanidmScript, planKanidm } from '../../../../../src/targets/proxmox/realm/kanidm-script.js';

const WISH: KanidmWish = {
  url: 'https://idm.example.com:8443',
  client: 'proxmox',
  displayName: 'Proxmox VE',
  origins: ['https://pve1.example.com:8006'],
  scopes: ['email', 'profile'],
  claim: 'proxmox_role',
  roles: [
    { value: 'admin', group: 'proxmox_admins' },
    { value: 'user', group: 'proxmox_users' },
  ],
  members: [],
  shortNames: true,
  legacyCrypto: false,
  administrator: 'idm_admin',
};

const HOSTILE = [
  'x; reboot',
  '$(reboot)',
  "it's",
  '-D',
  '--url',
  'two\nlines',
  'a b',
  '../x',
  '`id`',
  'a"b',
  'a\u0000b',
  '',
];

function verbs(wish: KanidmWish): string[] {
  const plan = planKanidm(wish);
  if (!plan.ok) throw new Error(plan.problems.join('\n'));
  return plan.commands.map(({ args }) => args.slice(0, args.indexOf('-H')).join(' '));
}

describe('the commands for Kanidm', () => {
  it('let the members of every group log in, not only of the first', () => {
    expect(verbs(WISH).filter((words) => words.includes('update-scope-map'))).toEqual([
      'system oauth2 update-scope-map proxmox proxmox_admins openid email profile',
      'system oauth2 update-scope-map proxmox proxmox_users openid email profile',
    ]);
  });

  it('give a group that has two roles both of them in one mapping', () => {
    const roles = [...WISH.roles, { value: 'auditor', group: 'proxmox_admins' }];

    expect(verbs({ ...WISH, roles }).filter((words) => words.includes('update-claim-map proxmox'))).toEqual([
      'system oauth2 update-claim-map proxmox proxmox_role proxmox_admins admin auditor',
      'system oauth2 update-claim-map proxmox proxmox_role proxmox_users user',
    ]);
  });

  it('leave groups, short names and the older signature out where they are not wanted', () => {
    const plain = verbs({ ...WISH, claim: undefined, shortNames: false }).join('\n');

    expect(plain).not.toMatch(/claim-map|prefer-short|legacy/);
    expect(verbs({ ...WISH, legacyCrypto: true }).join('\n')).toMatch(/warning-enable-legacy-crypto proxmox/);
  });

  it('put people into groups', () => {
    const members = [{ group: 'proxmox_users', person: 'alice@idm.example.com' }];

    expect(verbs({ ...WISH, members })).toContain('group add-members proxmox_users alice@idm.example.com');
  });

  it.each(HOSTILE)('refuse %j for any name', (text) => {
    const wishes: Partial<KanidmWish>[] = [
      { client: text },
      { origins: [text] },
      { url: text },
      { roles: [{ value: text, group: 'g' }] },
      { roles: [{ value: 'v', group: text }] },
      { members: [{ group: 'g', person: text }] },
      { administrator: text },
      { claim: text },
      { scopes: [text] },
    ];

    expect(wishes.filter((change) => planKanidm({ ...WISH, ...change }).ok)).toEqual([]);
  });

  it('are refused with every mistake at once', () => {
    const plan = planKanidm({ ...WISH, url: undefined, client: undefined, origins: [], roles: [] });

    expect(plan).toMatchObject({ ok: false, problems: expect.objectContaining({ length: 4 }) });
  });
});

describe('the script', () => {
  it('gives the program the very words, whatever a display name that is not refused holds', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9 ()._@-]{0,40}$/);
    fc.assert(
      fc.property(name, (displayName) => {
        const plan = planKanidm({ ...WISH, displayName });
        if (!plan.ok) throw new Error(plan.problems.join('\n'));
        const line = kanidmScript(plan.commands, '/tmp/secret')
          .split('\n')
          .find((one) => one.includes('|| run kanidm system oauth2 create'));

        const words = execFileSync('/bin/sh', [
          '-c',
          `there() { false; }; run() { shift; printf '%s\\0' "$@"; }; ${line}`,
        ]).toString();

        expect(words.split('\0').slice(3, 5)).toEqual(['proxmox', displayName]);
      }),
      { numRuns: 15 },
    );
  });

  it('is understood by bash, and keeps a hostile path of the secret one word', () => {
    const plan = planKanidm(WISH);
    if (!plan.ok) throw new Error('refused');

    const script = kanidmScript(plan.commands, "/tmp/it's $(here)");

    execFileSync('/bin/bash', ['-n'], { input: script });
    expect(script).toContain(`'/tmp/it'\\''s $(here)'`);
    expect(script).toMatch(/^umask 077$/m);
    expect(script.split('\n').filter((line) => line.includes('show-basic-secret'))).toEqual([
      expect.stringMatching(/>"\$new"$/),
    ]);
  });
});
