// `npm run timelapse -- [--days N] [--seed N]`: months of subscriptions in virtual time, judged by their invariants.
import { prepareAndRun } from './lib/bootstrap.mjs';

await prepareAndRun('test/timelapse/main.ts', { timeoutMs: 6 * 60 * 60_000 });
