import { join } from 'node:path';
import express from 'express';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CLOCK, showConfirmedClock } from '../../../src/commands/approve.js';
import { ExitCode } from '../../../src/commands/exit-code.js';
import { answerError } from '../../../src/operator/base-app.js';
import { createOperatorClient } from '../../../src/operator/client.js';
import { reconcilerRoutes } from '../../../src/operator/reconciler-routes.js';
import { closeServer, serveOnSocket } from '../../../src/operator/socket.js';
import type { ClockAnswer } from '../../../src/operator/views.js';
import { watchClock } from '../../../src/reconcile/clock-watch.js';
import { HOUR, NOW } from '../domain/builders.js';
import { createMemoryQueue, type MemoryQueue } from '../reconcile/fakes/queue.js';
import { createFakeWorld, type FakeWorld } from '../reconcile/fakes/world.js';

let world: FakeWorld;
let queue: MemoryQueue;
let server: Awaited<ReturnType<typeof serveOnSocket>>;
let path: string;

beforeEach(async () => {
  // The date goes on, the clock of the boot stands still: a jump, once an hour went by.
  world = await createFakeWorld({ bootClock: () => ({ bootId: 'one', uptimeMs: HOUR }) });
  queue = createMemoryQueue(world.clock);
  const { ctx } = world;
  const busy = () => ({ sweep: false, targeted: 0 });
  const peerOf = async () => ({ proved: true, uid: 1000, name: 'root' }) as const;
  const app = express();
  app.use(reconcilerRoutes({ ctx, queue, busy, startedAt: NOW, peerOf }));
  app.use(answerError);
  path = join(world.ledgerPath, '..', 'operator.sock');
  server = await serveOnSocket(app, { path });
});
afterEach(async () => {
  await closeServer(server, 100);
  await world.remove();
});

describe('the clock on the operator socket', () => {
  it('is confirmed, with a sweep for what waited, and told in one line', async () => {
    await watchClock(world.ctx);
    world.clock.time += HOUR;
    await watchClock(world.ctx);
    const lines: string[] = [];

    const { status, body } = await createOperatorClient(path).call('POST', `/approve/${CLOCK}`, {
      claimedUser: 'root',
    });
    const io = { out: (text: string) => void lines.push(text), err: () => undefined, terminal: false };
    const code = showConfirmedClock(body as ClockAnswer, {}, io);

    expect(status).toBe(200);
    expect([...queue.pending.keys()]).toEqual(['sweep']);
    expect(world.ctx.ledger.data.clock?.doubt).toBeUndefined();
    expect(code).toBe(ExitCode.done);
    expect(lines.join()).toContain('Until now: the clock of this host jumped ahead by 60 minutes');
  });

  it('is refused where there is no doubt, and no sweep is asked for', async () => {
    await watchClock(world.ctx);

    const { status } = await createOperatorClient(path).call('POST', `/approve/${CLOCK}`, {});

    expect(status).toBeGreaterThanOrEqual(400);
    expect(queue.pending.size).toBe(0);
  });
});
