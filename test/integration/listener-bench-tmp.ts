import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import http from 'node:http';
import express from 'express';
import { createListenerApp } from '../../src/listener/app.js';
import { createListenerServer } from '../../src/listener/server.js';
import { openHintSink } from '../../src/queue/hint-sink.js';

const clock = { now: () => Date.now(), sleep: async () => {} };
const dir = await mkdtemp('/tmp/spoolb-');
const hints = await openHintSink({ dir, clock });
const tenantId = randomUUID();
const sub = randomUUID();
const clientState = 'x'.repeat(43);
const app = createListenerApp({
  tenantId,
  find: (id) => (id === sub ? { resource: '/users', clientState } : undefined),
  isWatchedGroup: () => true,
  hints,
  onLifecycle: async () => {},
  clock,
  log: () => {},
});
const server = await createListenerServer({ app, host: '127.0.0.1', port: 0, trustProxy: false, log: () => {} });
const bare = express();
bare.post('/graph/notifications', (_q, r) => {
  r.sendStatus(202);
});
const bs = bare.listen(0, '127.0.0.1');
await new Promise((r) => bs.once('listening', r));
const bport = (bs.address() as { port: number }).port;
const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
async function run(port: number, n: number) {
  const lat: number[] = [];
  let i = 0;
  const t0 = performance.now();
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      while (i++ < n) {
        const body = JSON.stringify({
          value: [
            {
              changeType: 'updated',
              clientState,
              resource: `Users/${randomUUID()}`,
              subscriptionId: sub,
              tenantId,
              resourceData: { '@odata.type': '#Microsoft.Graph.User' },
            },
          ],
        });
        const t = performance.now();
        await new Promise<void>((res, rej) => {
          const q = http.request(
            {
              port,
              host: '127.0.0.1',
              method: 'POST',
              path: '/graph/notifications',
              agent,
              headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
            },
            (r) => {
              if (r.statusCode !== 202) rej(new Error(String(r.statusCode)));
              r.resume();
              r.on('end', () => res());
            },
          );
          q.on('error', rej);
          q.end(body);
        });
        lat.push(performance.now() - t);
      }
    }),
  );
  const s = (performance.now() - t0) / 1000;
  lat.sort((a, b) => a - b);
  console.log(
    port === bport ? 'bare' : 'ours',
    Math.round(n / s),
    'rps p50',
    lat[Math.floor(n * 0.5)]?.toFixed(1),
    'p99',
    lat[Math.floor(n * 0.99)]?.toFixed(1),
  );
}
if (process.argv[2] === 'serve') {
  console.log(JSON.stringify({ ours: server.port, bare: bport, sub, tenantId, clientState }));
} else {
  await run(bport, 3000);
  await run(server.port, 3000);
  await run(bport, 10000);
  await run(server.port, 10000);
  process.exit(0);
}
