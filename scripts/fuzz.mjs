// `npm run fuzz [-- --minutes N --seed S --only NAME]`: random hostile input; the command that repeats a failing case
// on stdout, everything else on stderr.
import { prepareAndRun } from './lib/bootstrap.mjs';

await prepareAndRun('test/fuzz/main.ts', { timeoutMs: 24 * 60 * 60_000 });
