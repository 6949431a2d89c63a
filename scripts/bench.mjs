// `npm run bench [-- NAME…]`: one JSON line for each figure on stdout, everything else on stderr.
import { prepareAndRun } from './lib/bootstrap.mjs';

await prepareAndRun('test/bench/main.ts', { timeoutMs: 60 * 60_000 });
