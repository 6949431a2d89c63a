import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, openLab } from '../lab/lab.js';
import { type EventHubSimulator, startEventHubSimulator } from '../simulators/event-hub/index.js';
import { examine, type ShownCheck, startBlackHole } from './doctor-lab.js';

describe('the doctor of an installation that is told by an event hub', () => {
  let hub: EventHubSimulator;
  let lab: Lab;

  beforeAll(async () => {
    hub = await startEventHubSimulator();
    lab = await openLab({
      settings: {
        CHANGE_SOURCE: 'eventhub',
        PUBLIC_URL: '',
        EVENTHUB_CONNECTION_STRING: hub.connectionString,
        EVENTHUB_TENANT_DOMAIN: 'example.com',
      },
    });
  });
  afterAll(async () => {
    await lab?.close();
    await hub?.close();
  });

  const about = (checks: readonly ShownCheck[], part: string) => checks.filter(({ name }) => name.startsWith(part));

  it('asks the hub with the credential that reads it, and reads no event', async () => {
    const { checks } = await examine(lab);

    const [reach, checkpoint] = about(checks, 'eventhub.');
    expect(reach).toMatchObject({
      ok: true,
      saw: expect.stringMatching(/\/changes \(\$Default, amqp\) answers, 2 partitions$/),
    });
    expect(checkpoint).toMatchObject({ ok: true, saw: expect.stringContaining('nothing was read from it yet') });
    expect(about(checks, 'endpoint.')).toEqual([]);
  });

  it('tells a key that is not taken, and checkpoints that are torn', async () => {
    const refused = hub.connectionString.replace(
      /SharedAccessKey=[^;]*/,
      'SharedAccessKey=d3Jvbmctc2VjcmV0LWtleS1vZi10aGUtaHVi',
    );
    writeFileSync(join(lab.dir, 'listener/event-hub-checkpoints.json'), '{"torn');

    const key = about((await examine(lab, { EVENTHUB_CONNECTION_STRING: refused })).checks, 'eventhub.');
    const torn = about((await examine(lab)).checks, 'eventhub.');

    expect(key.map(({ ok }) => ok)).toEqual([false, false]);
    expect(key[0]?.mend).toContain('Listen');
    expect(key[1]?.saw).toMatch(/^not looked at: /);
    expect(JSON.stringify(key)).not.toContain('d3Jvbmct');
    expect(torn.map(({ ok }) => ok)).toEqual([true, false]);
    expect(torn[1]?.saw).toContain('event-hub-checkpoints.json is torn');
  });

  it('says in time that the hub does not answer', async () => {
    const hole = await startBlackHole();
    const silent = hub.connectionString.replace(
      /localhost:\d+|127\.0\.0\.1:\d+/,
      `localhost:${new URL(hole.url).port}`,
    );
    try {
      const { code, checks } = await examine(lab, { EVENTHUB_CONNECTION_STRING: silent });

      expect(code).toBe(1);
      expect(about(checks, 'eventhub.')[0]?.saw).toMatch(/^cannot be reached: /);
    } finally {
      await hole.close();
    }
  });
});
