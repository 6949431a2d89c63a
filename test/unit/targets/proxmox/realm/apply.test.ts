import { describe, expect, it } from 'vitest';
import { Invariant } from '../../../../../src/domain/errors.js';
import type { ProxmoxClient, ProxmoxWrite } from '../../../../../src/targets/proxmox/client.js';
import { applyRealm } from '../../../../../src/targets/proxmox/realm/apply.js';
import type { RealmStep } from '../../../../../src/targets/proxmox/realm/plan.js';
import { parseProxmoxVersion } from '../../../../../src/targets/proxmox/version.js';
import { declare } from './fixture.js';

const FIELDS = [
  ['issuer-url', 'https://id.example.com'],
  ['client-id', 'proxmox'],
] as const;

const creation = (fields: readonly (readonly [string, string])[]): RealmStep => ({
  do: 'realm.create',
  realm: 'entra',
  fields: new Map(fields),
  clientKey: undefined,
});

const change = (more: Partial<Extract<RealmStep, { do: 'realm.change' }>>): RealmStep => ({
  do: 'realm.change',
  realm: 'entra',
  changes: [],
  set: new Map(),
  remove: [],
  clientKey: undefined,
  digest: 'd1',
  ...more,
});

describe('what would make Proxmox forget a realm, or undo somebody’s change', () => {
  it.each<[string, RealmStep]>([
    ['a new realm without an issuer', creation([['client-id', 'proxmox']])],
    ['a new realm with an empty issuer', creation([...FIELDS, ['issuer-url', '']])],
    ['a new realm with a blank client id', creation([...FIELDS, ['client-id', ' ']])],
    ['an empty issuer', change({ set: new Map([['issuer-url', '']]) })],
    ['an empty client id', change({ set: new Map([['client-id', '']]) })],
    ['no issuer any more', change({ remove: ['prompt', 'issuer-url'] })],
    ['no client id any more', change({ remove: ['client-id'] })],
    ['a change without a digest', change({ set: new Map([['autocreate', '0']]), digest: undefined })],
  ])('is not sent: %s', async (_, step) => {
    const sent: ProxmoxWrite[] = [];
    const client = { write: async (call: ProxmoxWrite) => void sent.push(call) } as unknown as ProxmoxClient;
    const version = parseProxmoxVersion('9.1.4') ?? { major: 9, minor: 1, text: '9.1.4' };
    const ports = { client, declared: declare(), version, record: () => undefined };

    const applied = applyRealm(step, ports, AbortSignal.timeout(10_000));

    await expect(applied).rejects.toThrow(Invariant);
    expect(sent).toEqual([]);
  });
});
