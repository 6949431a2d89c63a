import { relative } from 'node:path';
import { PROGRAM } from '../lab/program.js';
import type { Screen } from './screen.js';
import type { Stage } from './stage.js';

/** Leaves something to find, says how to look, and waits until somebody ends it. */
export async function keepRunning({ lab, people }: Stage, screen: Screen, signal: AbortSignal): Promise<void> {
  const bob = people.get('bob');
  if (bob) lab.entra.notifications.silently(() => lab.entra.directory.removeMember(lab.groups.admins, bob));
  const program = `node ${relative(process.cwd(), PROGRAM)}`;
  screen.line();
  screen.heading('It keeps running. In another terminal:');
  screen.line(`  export ENTRAMOX="--config ${lab.envFile}"`);
  screen.line(`  ${program} status $ENTRAMOX`);
  screen.line(`  ${program} plan $ENTRAMOX                     # bob was demoted, and nobody was told`);
  screen.line(`  ${program} resync bob@example.com $ENTRAMOX   # makes it true`);
  screen.line(`  tail -f ${lab.dir}/daemon.log`);
  screen.line('Ctrl-C ends it and puts everything away.');
  if (signal.aborted) return;
  const keptAlive = setInterval(() => undefined, 60_000);
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  clearInterval(keptAlive);
}
