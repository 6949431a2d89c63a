import { readdirSync } from 'node:fs';
import { waitFor } from '../../lab/wait.js';
import type { Machine } from './index.js';
import { as, type Person } from './people.js';

/** A minute and what cron needs for it. */
const MINUTE_LIMIT_MS = 75_000;

/** Lets cron write the time into the person's home every minute. */
export async function addCrontab(machine: Machine, { name }: Person): Promise<void> {
  await machine.shell(`echo '* * * * * date +\\%s >> /home/${name}/cron.log' | crontab -u ${name} -`);
}

/** How often the crontab of this person has fired. */
export async function firings(machine: Machine, { name }: Person): Promise<number> {
  return Number(await machine.shell(`cat /home/${name}/cron.log 2>/dev/null | wc -l`));
}

/** Waits until the crontab of this person fires once more, and cron is done with everybody's of that minute. */
export async function untilFired(machine: Machine, person: Person): Promise<void> {
  const before = await firings(machine, person);
  await waitFor(
    `the crontab of ${person.name} to fire`,
    async () => (await firings(machine, person)) > before,
    MINUTE_LIMIT_MS,
    250,
  );
  const isIdle = async () => (await machine.exec(['sh', '-c', 'pgrep -P $(pgrep -ox cron)'])).code !== 0;
  await waitFor('cron to be done with this minute', isIdle, 20_000, 100);
}

/** Queues a job for at that leaves `FILE` in the home of the person at the full minute `minutes` after this one. */
export async function queueJob(machine: Machine, person: Person, file: string, minutes: number): Promise<void> {
  const at = new Date((Math.floor(Date.now() / 60_000) + minutes) * 60_000);
  const time = at.toISOString().replaceAll(/[-:T]/g, '').slice(0, 12);
  await machine.shell(`echo 'touch /home/${person.name}/${file}' | TZ=UTC ${as(person)} at -t ${time} 2>&1`);
}

/** The processes in which at runs jobs at this moment. */
export async function childrenOfAt(machine: Machine): Promise<string> {
  return (await machine.exec(['sh', '-c', 'pgrep -P $(pgrep -ox atd)'])).stdout;
}

/** Waits until at has taken up every job that is due, and runs nothing but what it ran before. */
export async function untilJobsTaken(machine: Machine, before: string): Promise<void> {
  const isDone = async () => {
    // A letter for the queue, five hexadecimal digits for the job, eight for the minute; `=` once it is taken up.
    const due = readdirSync(machine.outside('/var/spool/cron/atjobs')).filter(
      (job) => /^[a-z][0-9a-f]{13}$/.test(job) && Number.parseInt(job.slice(6), 16) * 60_000 <= Date.now(),
    );
    return due.length === 0 && (await childrenOfAt(machine)) === before;
  };
  await waitFor('at to be done with the jobs that are due', isDone, 20_000, 100);
}
