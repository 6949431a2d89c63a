// `npm run demo [-- --json] [-- --keep]` on a machine that has Node and npm only.
import { prepareAndRun } from './lib/bootstrap.mjs';

/** `--keep` leaves the demo running for a person to look at, so its limit is a working day. */
const limitMs = process.argv.includes('--keep') ? 12 * 3_600_000 : 20 * 60_000;

await prepareAndRun('test/demo/main.ts', { timeoutMs: limitMs });
