import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Lab, openLab } from '../../lab/lab.js';
import { waitFor } from '../../lab/wait.js';
import { type Helper, startHelper } from '../children.js';
import { diskFolder } from '../disk-folder.js';
import type { Figure } from '../figure.js';
import { knockAt } from '../knock.js';
import { labFile } from '../lab-facts.js';
import { type Origin, originOf } from '../notification.js';
import { median, percentile, round } from '../statistics.js';
import type { BareHandlerReady } from './bare-handler.js';
import type { LoadRequest, LoadResult } from './load.js';

const ROUNDS = 3;
const SATURATE_MS = 3_000;
const RATE_PER_SECOND = 1_000;
const RATE_MS = 4_000;
/** Graph calls an answer slow above this. */
const GRAPH_SLOW_MS = 3_000;
const QUICK = { rounds: 1, saturateMs: 300, rateMs: 300 };

/**
 * Unique notifications against `entramox listen` with its spool on a disk, and against a bare handler, by turns, over
 * TLS and kept connections: how many a second when pressed, and how long each takes at a fixed rate. Afterwards every
 * accepted one must be in the spool.
 */
export async function benchIntake(quick: boolean): Promise<Figure> {
  const { rounds, saturateMs, rateMs } = quick ? QUICK : { rounds: ROUNDS, saturateMs: SATURATE_MS, rateMs: RATE_MS };
  const spool = diskFolder();
  const lab = await openLab({ settings: { SPOOL_DIR: spool.path } });
  const bare = startHelper('./intake/bare-handler.ts');
  const load = startHelper('./intake/load.ts');
  try {
    lab.start('listen');
    const origin = await untilListening(lab, spool.path);
    const ca = labFile(lab, 'ca.pem');
    const tls = { cert: labFile(lab, 'tls.crt'), key: labFile(lab, 'tls.key') };
    const { url: bareUrl } = await bare.ask<BareHandlerReady>(tls);
    const press = (url: string, durationMs: number, perSecond?: number) =>
      ask(load, { url, ca, origin, durationMs, perSecond });
    const results: { product: LoadResult; bare: LoadResult }[] = [];
    // The first round lets both just-in-time compilers do their work.
    await press(lab.publicUrl, saturateMs);
    await press(bareUrl, saturateMs);
    for (let left = rounds; left > 0; left -= 1) {
      results.push({ product: await press(lab.publicUrl, saturateMs), bare: await press(bareUrl, saturateMs) });
    }
    const steady = await press(lab.publicUrl, rateMs, RATE_PER_SECOND);
    const bareSteady = await press(bareUrl, rateMs, RATE_PER_SECOND);
    const accepted = [...results.map(({ product }) => product), steady].flatMap((result) => result.accepted);
    const stored = storedOf(accepted, spool.path);
    // Pressed like this an endpoint is by four hours' retries: what matters is that nobody waits for three seconds.
    const pressed = results.flatMap(({ product }) => product.latenciesMs);
    const rate = (result: LoadResult) => result.accepted.length / result.seconds;
    return {
      value: round(median(results.map(({ product }) => rate(product))), 0),
      unit: '202/s',
      reference: round(median(results.map((result) => rate(result.bare))), 0),
      details: {
        p50Ms: round(percentile(steady.latenciesMs, 50)),
        p99Ms: round(percentile(steady.latenciesMs, 99)),
        bareP50Ms: round(percentile(bareSteady.latenciesMs, 50)),
        bareP99Ms: round(percentile(bareSteady.latenciesMs, 99)),
        atPerSecond: RATE_PER_SECOND,
        pressedP99Ms: round(percentile(pressed, 99)),
        pressedSlowestMs: round(pressed.reduce((most, ms) => Math.max(most, ms), 0)),
        pressedOver3s: pressed.filter((ms) => ms > GRAPH_SLOW_MS).length,
        accepted: accepted.length,
        stored,
        spoolOn: spool.fileSystem,
        rounds,
      },
    };
  } finally {
    await load.stop();
    await bare.stop();
    await lab.close();
    spool.remove();
  }
}

async function ask(load: Helper, request: LoadRequest): Promise<LoadResult> {
  const result = await load.ask<LoadResult>(request, request.durationMs + 60_000);
  const refused = Object.entries(result.refused);
  if (refused.length > 0) throw new Error(`not everything was accepted: ${JSON.stringify(result.refused)}`);
  return result;
}

/** Waits until a notification by the subscription on users reaches the spool. */
async function untilListening(lab: Lab, spool: string): Promise<Origin> {
  const { value } = await waitFor('the subscription on users', () => {
    return lab.entra.subscriptions().length >= 3 ? originOf(lab) : undefined;
  });
  const oid = randomUUID();
  const knock = knockAt(lab);
  await waitFor('a hint in the spool', async () => {
    await knock.post(oid);
    return readdirSync(join(spool, 'pending')).includes(`user-${oid}`);
  });
  await knock.close();
  return value;
}

/** How many of these are in the spool. Throws where one is missing: then the 202 was a lie. */
function storedOf(accepted: readonly string[], spool: string): number {
  const there = new Set(readdirSync(join(spool, 'pending')));
  const stored = accepted.filter((oid) => there.has(`user-${oid}`)).length;
  if (stored < accepted.length) {
    throw new Error(`${accepted.length - stored} of ${accepted.length} accepted notifications are not in the spool`);
  }
  return stored;
}
