import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lakefsAlarms, renderLakefs } from '../../../src/commands/render/lakefs.js';
import { lakefsView } from '../../../src/operator/lakefs.js';
import { measureLakefs } from '../../../src/reconcile/measure-lakefs.js';
import { HOUR } from '../domain/builders.js';
import { createLakefsWorld, DATA, type LakefsWorld, OPS, wantedGroup } from '../reconcile/fakes/lakefs-world.js';
import { oidOf } from '../reconcile/fakes/world.js';

const ALICE = oidOf(1);
const BOB = oidOf(2);

let world: LakefsWorld;

beforeEach(async () => {
  world = await createLakefsWorld();
  world.join(ALICE, 'alice@example.com', [DATA]);
  world.directory.add({ oid: BOB, upn: 'bob@example.com', groups: [DATA] });
});

afterEach(() => world.remove());

const screen = () => {
  const view = lakefsView(world.ctx);
  if (!view) throw new Error('lakeFS is a target');
  return { alarms: lakefsAlarms(view).join('\n'), text: renderLakefs(view, world.clock.now()).join('\n') };
};

async function measured(name: string): Promise<unknown> {
  measureLakefs(world.ctx);
  const metric = await world.ctx.metrics.registry.getSingleMetric(name)?.get();
  return metric?.values.map(({ value, labels }) => [labels.state ?? '', value]);
}

describe('lakeFS in the status', () => {
  it('shows its groups with members and policies, and who waits for a user', async () => {
    await world.sweep();

    const { alarms, text } = screen();

    expect(alarms).toBe('');
    expect(text).toMatch(/Data +1 members +FSReadAll/);
    expect(text).toContain('Without a lakeFS user yet (1): bob@example.com');
    expect(await measured('entramox_lakefs_memberships')).toEqual([['', 1]]);
    expect(await measured('entramox_lakefs_pending_members')).toEqual([['', 1]]);
  });

  it('shows both names of a renamed group, members put in by hand, and when a group ends', async () => {
    await world.sweep();
    world.wanted = [wantedGroup(DATA, 'Analytics')];
    world.lakefs.addUser('guest');
    world.lakefs.group('Data').members.add('guest');

    await world.sweep();
    const { text } = screen();

    expect(text).toContain('Analytics (Data in lakeFS)');
    expect(text).toContain('1 more put in by hand (guest)');
    expect(text).toMatch(/Ops .*gone from Entra or not selected since 0 s ago, deleted \d{4}-/);
    expect(await measured('entramox_lakefs_groups')).toEqual([
      ['ending', 1],
      ['conflict', 0],
      ['active', 1],
    ]);
    world.clock.time += 25 * HOUR;
    expect(screen().text).toContain('deleted by the next sweep');
  });

  it('alarms of conflicts and failures of groups, and of people who are nowhere else', async () => {
    world.lakefs.addGroup('Ops');
    world.wanted = [wantedGroup(DATA, 'Data', { policies: ['Nowhere'] }), wantedGroup(OPS, 'Ops')];
    world.lakefs.fault = (call) => (call.startsWith('add-member') ? new Error('not so') : undefined);

    await world.sweep();

    expect(screen().alarms.split('\n')).toEqual([
      expect.stringContaining('conflict over the lakeFS group Ops: there is a lakeFS group "Ops"'),
      expect.stringContaining('lakeFS group Data fails: lakeFS has no policy "Nowhere"'),
      'alice@example.com fails on lakefs: not so',
    ]);
  });

  it('is missing where lakeFS is no target', () => {
    expect(lakefsView({ ...world.ctx, lakefs: undefined })).toBeUndefined();
  });
});
