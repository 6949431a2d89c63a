import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClientOver, type ProxmoxClient } from '../../src/targets/proxmox/client.js';
import { pbsRights } from '../../src/targets/proxmox/pbs/rights.js';
import { pbsTransport } from '../../src/targets/proxmox/pbs/transport.js';
import { declareRealm, type RealmWish } from '../../src/targets/proxmox/realm/declaration.js';
import { bringRealmAbout, lookAtRealm, type RealmPorts } from '../../src/targets/proxmox/realm/setup.js';
import { createRights } from '../../src/targets/proxmox/rights.js';
import { type BootstrapRecord, unrecorded } from '../../src/telemetry/bootstrap-audit.js';
import { systemClock as clock } from '../../src/telemetry/system-clock.js';
import { type PbsSimulator, startPbsSimulator } from '../simulators/pbs/index.js';
import { createTestAuthority, type TestAuthority } from '../simulators/tls.js';

const KEY = 'the~client~secret~of~the~application';
const TENANT = '11111111-2222-4333-8444-555555555555';
const ISSUER = `https://login.microsoftonline.com/${TENANT}/v2.0`;

let authority: TestAuthority;
let simulator: PbsSimulator;
let admin: string;
let open: ProxmoxClient[];

beforeAll(async () => {
  authority = await createTestAuthority();
});

beforeEach(async () => {
  simulator = await startPbsSimulator({ authority });
  simulator.state.users.set('admin@pbs', {});
  admin = simulator.createToken('admin@pbs', 'setup');
  for (const authId of ['admin@pbs', 'admin@pbs!setup']) {
    simulator.grant({ path: '/access', authId, role: 'Admin', propagate: true });
  }
  open = [];
});

afterEach(async () => {
  await Promise.all(open.map((client) => client.close()));
  await simulator.close();
});

const signal = () => AbortSignal.timeout(60_000);

function portsOf(change: Partial<RealmWish> = {}, more: Partial<RealmPorts> = {}): RealmPorts {
  const options = { baseUrl: simulator.url, ca: authority.cert, timeoutMs: 5000, log: () => undefined, clock };
  const client = createClientOver(pbsTransport({ ...options, token: admin, tokenFrom: 'the test' }), options);
  open.push(client);
  const declared = declareRealm({
    idp: 'entra',
    realm: 'entra',
    tenantId: TENANT,
    issuerBase: 'https://login.microsoftonline.com',
    clientId: '99999999-2222-4333-8444-555555555555',
    clientKey: KEY,
    comment: 'Entra ID',
    ...change,
  });
  if (!declared.ok) throw new Error(declared.problems.join('\n'));
  const rights = pbsRights(createRights({ client, clock }));
  return { client, rights, declared: declared.realm, upkeep: undefined, allowGroupsOverwrite: false, ...more };
}

async function apply(change: Partial<RealmWish> = {}, more: Partial<RealmPorts> = {}, record = unrecorded) {
  const ports = portsOf(change, more);
  const looked = await lookAtRealm(ports, signal());
  return { ...looked.plan, outcome: await bringRealmAbout(ports, looked, record, signal()) };
}

describe('realm apply on a Proxmox Backup Server', () => {
  it('makes the realm with what this server has', async () => {
    const { outcome, refusals } = await apply();

    expect(refusals).toEqual([]);
    expect(outcome).toMatchObject({ result: 'done' });
    expect(simulator.state.realms.get('entra')).toEqual({
      'issuer-url': ISSUER,
      'client-id': '99999999-2222-4333-8444-555555555555',
      'client-key': KEY,
      'username-claim': 'preferred_username',
      scopes: expect.stringContaining('profile'),
      autocreate: false,
      comment: 'Entra ID',
    });
  });

  it('does nothing the second time, and says that the client secret cannot be compared', async () => {
    await apply();
    const { writes } = simulator.state;

    const again = await apply();
    const other = await apply({ clientKey: 'another-client-secret-than-before' });

    expect(again.step).toBeUndefined();
    expect(again.remarks.join('\n')).toMatch(/shows the client secret to nobody, so it is not compared/);
    expect(other.step).toBeUndefined();
    expect(simulator.state.writes).toBe(writes);
  });

  it('sends the client secret again where somebody asks for it, and tells it nobody', async () => {
    await apply();
    const records: BootstrapRecord[] = [];
    const clientKey = 'another-client-secret-than-before';

    const sent = await apply({ clientKey }, { sendsHiddenKey: true }, (record) => void records.push(record));

    expect(sent.outcome).toMatchObject({ result: 'done' });
    expect(simulator.state.realms.get('entra')?.['client-key']).toBe(clientKey);
    expect(JSON.stringify([records, sent.remarks])).not.toContain(clientKey);
    expect(records.length).toBe(2);
  });

  it('mends what differs, and leaves what is not declared', async () => {
    await apply({ prompt: 'login' });
    const realm = simulator.state.realms.get('entra');
    simulator.state.realms.set('entra', { ...realm, 'client-id': 'wrong', autocreate: true });

    const { outcome } = await apply();

    expect(outcome).toMatchObject({ result: 'done' });
    expect(simulator.state.realms.get('entra')).toEqual({ ...realm, prompt: 'login' });
  });

  it('writes nothing where somebody changed the realms in between', async () => {
    await apply();
    const ports = portsOf({ comment: 'other' });
    const looked = await lookAtRealm(ports, signal());
    simulator.state.realmWrites += 1;

    const outcome = await bringRealmAbout(ports, looked, unrecorded, signal());

    expect(outcome).toMatchObject({ result: 'failed', error: expect.stringMatching(/somebody changed the realms/) });
    expect(simulator.state.realms.get('entra')?.comment).toBe('Entra ID');
  });

  it.each<[string, Partial<RealmWish>, RegExp]>([
    ['groups, which this server has not', { groupsClaim: 'roles' }, /Proxmox Backup Server has no groups/],
    ['another username-claim, which cannot change', { usernameClaim: 'upn' }, /username-claim of entra is/],
  ])('refuses %s', async (_what, change, why) => {
    await apply();
    const { writes } = simulator.state;

    const { refusals, outcome } = await apply(change);

    expect(refusals.map((refusal) => refusal.why).join('\n')).toMatch(why);
    expect(outcome).toBeUndefined();
    expect(simulator.state.writes).toBe(writes);
  });

  it('says in the words of this server what the administrator lacks', async () => {
    simulator.state.users.set('clerk@pbs', {});
    admin = simulator.createToken('clerk@pbs', 'desk');

    await expect(apply()).rejects.toThrow(/lacks Sys\.Audit on \/access\/domains/);
  });
});
