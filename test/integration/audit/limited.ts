import { spawnSync } from 'node:child_process';
import { openAudit } from '../../../src/telemetry/audit.js';

/**
 * Appends under `ulimit -f` until the file takes no more of a line than a part, then lifts the limit and goes on. The
 * file is the first argument.
 */
process.on('SIGXFSZ', () => undefined);
const audit = openAudit(process.argv[2] as string, Date.now);
const record = { by: 'sweep', action: 'lock', outcome: 'done', name: 'x'.repeat(100) };
let refused = 0;
for (let count = 0; count < 1000 && refused < 3; count += 1) {
  try {
    audit.append(record);
  } catch {
    refused += 1;
  }
}
const { status } = spawnSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited:unlimited']);
audit.append({ ...record, action: 'unlock' });
audit.close();
process.stdout.write(JSON.stringify({ refused, status }));
