// `npm run model -- [--seed N] [--steps N]`: random courses of events against the simulators, judged by a model.
import { prepareAndRun } from './lib/bootstrap.mjs';

await prepareAndRun('test/model/main.ts', { timeoutMs: 6 * 60 * 60_000 });
