// SIMULATED account agent: `main.ts STATE_FILE`. Speaks the account agent's protocol on stdin and stdout, one JSON
// object a line, and keeps its accounts in the state file alone. No account of this machine is read or changed.
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { answerLine, type Machine } from './answer.js';
import { homesIn } from './homes.js';
import { NOTICE, readState, writeState } from './state.js';

async function main(file: string): Promise<void> {
  process.stderr.write(`${NOTICE}\n`);
  const machine: Machine = {
    read: () => readState(file),
    write: (state) => writeState(file, state),
    homes: homesIn(dirname(file)),
    now: () => Date.now(),
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const { reply, last } = answerLine(machine, line);
    process.stdout.write(`${JSON.stringify(reply)}\n`);
    if (last) break;
  }
}

const [file] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write('usage: main.ts STATE_FILE\n');
  process.exitCode = 2;
} else {
  await main(file);
}
