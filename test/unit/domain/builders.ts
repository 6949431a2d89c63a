import fc from 'fast-check';
import type { Desired } from '../../../src/domain/desired.js';
import type { LedgerEntry } from '../../../src/domain/ledger-entry.js';
import type { Policy } from '../../../src/domain/policy.js';
import type { PresentReading, Reading } from '../../../src/domain/reading.js';
import type { LinuxAccount, ProxmoxUser } from '../../../src/domain/sight.js';

export const HOUR = 3_600_000;
export const NOW = Date.UTC(2026, 10, 21, 9, 0, 0);
export const ALICE = '11111111-1111-4111-8111-111111111111';
export const BOB = '22222222-2222-4222-8222-222222222222';
export const EVERYBODY = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';
export const ADMINS = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb';
export const LAB = 'cccccccc-cccc-4ccc-8ccc-cccccccccccc';

export function policy(change: Partial<Policy> = {}): Policy {
  return {
    enforce: true,
    groupIds: [EVERYBODY, ADMINS, LAB],
    userIds: [],
    roleMap: [{ group: LAB, pveRole: 'PVEVMAdmin', path: '/pool/lab', sudo: false, linuxGroups: ['lab'] }],
    allUsers: { group: EVERYBODY, pveRole: 'PVEAuditor' },
    superAdmin: { group: ADMINS, pveRole: 'Administrator' },
    allowedDomains: [],
    grantSudo: true,
    extraGroups: [],
    username: { mode: 'useronly', separator: '_', lowercase: true, maxLength: 32 },
    realm: 'entra',
    provision: 'create',
    targets: ['linux', 'proxmox'],
    deleteAfterMs: 24 * HOUR,
    confirmBeforeLockMs: 5000,
    guard: {
      windowMs: HOUR,
      maxLocks: 10,
      maxLocksPercent: 25,
      maxDeletes: 5,
      maxDeletesPercent: 5,
      rejectForMs: 168 * HOUR,
    },
    firstRun: 'apply',
    ...change,
  };
}

export function entry(change: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    oid: ALICE,
    upn: 'alice@example.com',
    displayName: 'Alice Example',
    state: 'active',
    since: NOW - HOUR,
    groups: [EVERYBODY],
    names: { linux: 'alice', proxmox: 'alice@example.com@entra' },
    retired: [],
    conflicts: [],
    ...change,
  };
}

export function present(change: Partial<PresentReading> = {}): PresentReading {
  return {
    certainty: 'present',
    oid: ALICE,
    attributes: { upn: 'alice@example.com', displayName: 'Alice Example', givenName: 'Alice', surname: 'Example' },
    enabled: true,
    groups: [EVERYBODY],
    ...change,
  };
}

export function account(change: Partial<LinuxAccount> = {}): LinuxAccount {
  return {
    name: 'alice',
    uid: 20_001,
    state: 'whole',
    locked: false,
    gecos: 'Alice Example',
    groups: [],
    sudo: false,
    ...change,
  };
}

export function user(change: Partial<ProxmoxUser> = {}): ProxmoxUser {
  return {
    userid: 'alice@example.com@entra',
    enabled: true,
    comment: `Entramox: active; entra:${ALICE}`,
    firstName: 'Alice',
    lastName: 'Example',
    email: '',
    groups: ['PVEAuditor-entra', 'entramox-entra'],
    ...change,
  };
}

export const anyGroups = fc.subarray([EVERYBODY, ADMINS, LAB]);

export const anyReading: fc.Arbitrary<Reading> = fc.oneof(
  fc.record({ enabled: fc.boolean(), groups: anyGroups }).map((change) => present(change)),
  fc.constantFrom('soft-deleted' as const, 'not-found' as const).map((evidence) => ({
    certainty: 'absent' as const,
    oid: ALICE,
    evidence,
  })),
  fc.constant({ certainty: 'unknown' as const, oid: ALICE, why: 'time-out' }),
);

export const anyEntry: fc.Arbitrary<LedgerEntry | undefined> = fc.option(
  fc
    .record({
      state: fc.constantFrom('active' as const, 'suspended' as const, 'grace' as const, 'deleted' as const),
      groups: anyGroups,
      suspectedFor: fc.option(fc.integer({ min: 0, max: 60_000 }), { nil: undefined }),
      deleteIn: fc.integer({ min: -HOUR, max: 24 * HOUR }),
      names: fc.constantFrom({ linux: 'alice', proxmox: 'alice@example.com@entra' }, { linux: 'alice' }, {}),
    })
    .map(({ state, groups, suspectedFor, deleteIn, names }) =>
      entry({
        state,
        groups,
        names,
        suspicion: suspectedFor === undefined ? undefined : { since: NOW - suspectedFor, by: 'reading' },
        deleteAt: state === 'grace' ? NOW + deleteIn : undefined,
      }),
    ),
  { nil: undefined },
);

export const anyAccount: fc.Arbitrary<LinuxAccount> = fc
  .record({
    state: fc.constantFrom('whole' as const, 'partial' as const, 'deleted' as const),
    lock: fc.constantFrom({ locked: true }, { locked: false }, { locked: false, halfLocked: true }),
    sudo: fc.boolean(),
    groups: fc.subarray(['docker', 'lab']),
    gecos: fc.constantFrom('Alice Example', 'Somebody Else'),
  })
  .map(({ lock, ...change }) => account({ ...change, ...lock }));

export const anyUser: fc.Arbitrary<ProxmoxUser> = fc
  .record({
    enabled: fc.boolean(),
    comment: fc.constantFrom('', `Entramox: active; entra:${ALICE}`),
    groups: fc.subarray([
      'Administrator-entra',
      'PVEAuditor-entra',
      'PVEVMAdmin.pool.lab-entra',
      'entramox-entra',
      'somebodys',
    ]),
  })
  .map((change) => user({ ...change, groups: [...change.groups].sort() }));

export function outsider(change: Partial<Extract<Desired, { kind: 'outsider' }>> = {}): Desired {
  return { kind: 'outsider', reason: 'in none of the configured groups', positive: false, ...change };
}
