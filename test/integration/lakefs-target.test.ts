import { afterEach, describe, expect, it } from 'vitest';
import { createLakefsClient } from '../../src/targets/lakefs/client.js';
import { systemClock } from '../../src/telemetry/system-clock.js';
import { type Flavour, type LakefsSimulator, OWN_USER, startLakefsSimulator } from '../simulators/lakefs/index.js';
import { HOUR } from '../unit/domain/builders.js';
import { createLakefsWorld, DATA, type LakefsWorld, OPS, wantedGroup } from '../unit/reconcile/fakes/lakefs-world.js';
import { oidOf } from '../unit/reconcile/fakes/world.js';

const ALICE = oidOf(1);
const BOB = oidOf(2);
const NAME = 'Daten & Größen/2026 @lake';

let simulator: LakefsSimulator;
let world: LakefsWorld;

afterEach(async () => {
  await Promise.all([world?.remove(), simulator?.close()]);
});

async function open(flavour: Flavour): Promise<void> {
  simulator = await startLakefsSimulator({ flavour });
  const { accessKeyId, secretAccessKey } = simulator.key;
  const client = createLakefsClient({
    ...{ endpoint: simulator.url, accessKeyId, secretAccessKey, clock: systemClock },
    log: () => undefined,
  });
  world = await createLakefsWorld({ client });
  world.wanted = [wantedGroup(DATA, NAME, { acl: 'Write' }), wantedGroup(OPS, 'Ops', { acl: 'Read' })];
  simulator.addUser({ id: `waad|${ALICE}` });
  // Found by address, and with an id that a path must not take as it is.
  simulator.addUser({ id: 'DOM\\bob smith/2@x', email: 'Bob@example.com' });
  world.directory.add({ oid: ALICE, upn: 'alice@example.com', groups: [DATA, OPS] });
  world.directory.add({ oid: BOB, upn: 'bob@example.com', groups: [DATA] });
}

const membersOf = (name: string) => simulator.group(name)?.members;

describe.each(['cloud', 'names', 'simplified'] as const)('a lakeFS of the flavour %s', (flavour) => {
  it('gets groups, rights and members by one sweep, and no write by the next one', async () => {
    await open(flavour);
    const first = await world.sweep();

    expect(first.record).toMatchObject({ result: 'done', failed: 0 });
    expect(simulator.group(NAME)).toMatchObject({
      description: `entra:${DATA}`,
      members: ['DOM\\bob smith/2@x', `waad|${ALICE}`],
      ...(flavour === 'simplified' ? { acl: 'Write' } : { policies: ['FSReadAll'] }),
    });
    expect(membersOf('Ops')).toEqual([`waad|${ALICE}`]);
    simulator.resetCounters();

    const second = await world.sweep();

    expect(second.record).toMatchObject({ result: 'done', applied: 0 });
    expect(simulator.nonGets).toBe(0);
    expect(membersOf('Admins')).toEqual([OWN_USER]);
  });

  it('loses a leaver by a targeted pass of few calls, and a group that is gone when its time is over', async () => {
    await open(flavour);
    await world.sweep();
    simulator.resetCounters();
    world.directory.person(ALICE).enabled = false;

    const [outcome] = await world.reconcile(ALICE);

    expect(outcome?.result).toBe('applied');
    expect(membersOf(NAME)).toEqual(['DOM\\bob smith/2@x']);
    expect(membersOf('Ops')).toEqual([]);
    // The groups of one user, and two removals.
    expect(simulator.calls().filter(({ path }) => path !== '/user').length).toBeLessThanOrEqual(4);

    world.wanted = [wantedGroup(DATA, NAME, { acl: 'Write' })];
    await world.sweep();
    world.clock.time += 25 * HOUR;
    await world.sweep();

    expect(simulator.group('Ops')).toBeUndefined();
    expect(simulator.group(NAME)).toBeDefined();
  });

  it('shows what a dry look would do without a write', async () => {
    await open(flavour);
    world.ctx.dryRun = true;

    const { outcomes } = await world.sweep();

    expect(outcomes.flatMap(({ steps }) => steps).length).toBeGreaterThan(5);
    expect(simulator.nonGets).toBe(0);
  });
});

describe('a lakeFS without groups', () => {
  it('stops its target with that sentence after a single refusal, and nothing is written', async () => {
    await open('none');

    const { record } = await world.sweep();

    expect(record).toMatchObject({ result: 'degraded', why: expect.stringContaining('no RBAC') });
    expect(simulator.nonGets).toBe(0);
  });
});
