import type { Machine } from './index.js';
import { as, type Person, ssh } from './people.js';

/**
 * Every way by which somebody comes in or gets more rights, as a shell line for root that ends with 0 and says the
 * given word when it worked.
 */
export function waysIn(person: Person, helper: Person): Record<string, { line: string; says: string }> {
  const { name, password } = person;
  const says = name;
  const askpass = `PASSWORD=${password} SSH_ASKPASS=/root/askpass SSH_ASKPASS_REQUIRE=force`;
  const byPassword = ssh(person, '-o PreferredAuthentications=password -o PubkeyAuthentication=no');
  return {
    'SSH with a key': { line: `${ssh(person)} id -un`, says },
    'SSH with the password': { line: `${askpass} ${byPassword} id -un`, says },
    'a new channel of an open SSH connection': { line: `${overMaster(person)} id -un`, says },
    'a port forwarded by SSH': {
      line: `${ssh(person, '-W 127.0.0.1:22')} </dev/null | grep -a OpenSSH`,
      says: 'SSH-2.0',
    },
    'su with the password': { line: `echo ${password} | ${as(helper)} su ${name} -c 'id -un'`, says },
    'su by root': { line: `su - ${name} -c 'id -un'`, says },
    'sudo with the password': { line: `echo ${password} | ${as(person)} sudo -k -S /usr/bin/whoami`, says: 'root' },
    'sudo by a rule of the host without a password': { line: `${as(person)} sudo -n /usr/bin/id -un`, says: 'root' },
  };
}

/** Runs them all and tells which worked. */
export async function tryAll(machine: Machine, ways: ReturnType<typeof waysIn>): Promise<Record<string, boolean>> {
  const tried: Record<string, boolean> = {};
  for (const [way, { line, says }] of Object.entries(ways)) {
    const { code, stdout } = await machine.exec(['/bin/bash', '-c', line], { timeoutMs: 30_000 });
    tried[way] = code === 0 && stdout.includes(says);
  }
  return tried;
}

/** Opens a connection that later commands share. */
export async function openMaster(machine: Machine, person: Person): Promise<void> {
  const options = `-f -N -o ControlMaster=yes -o ControlPath=${masterOf(person)}`;
  await machine.shell(`${ssh(person, options)} </dev/null >/dev/null 2>&1`);
}

/** Never opens a connection of its own. */
function overMaster(person: Person): string {
  return ssh(person, `-o ControlPath=${masterOf(person)} -o ProxyCommand=false`);
}

function masterOf({ name }: Person): string {
  return `/run/ssh-${name}`;
}

/** What somebody leaves running: sleeps of so many seconds behind the uid, so that each tells whose and which it is. */
const RUNNING = {
  'a command over SSH': '01',
  'a process that left its login behind': '02',
  'a unit of the user manager': '03',
  'a system unit that root started for the person': '04',
  'a command as root by sudo that ignores every polite signal': '05',
  'a job of at': '06',
  'a process in name spaces of its own': '07',
} as const;

/** Starts all of them. */
export async function startRunning(machine: Machine, person: Person): Promise<void> {
  const { name, uid } = person;
  const give = (line: string) => machine.shell(line, { timeoutMs: 30_000 });
  await give(`loginctl enable-linger ${name}`);
  await give(`setsid ${ssh(person)} sleep ${uid}01 </dev/null >/dev/null 2>&1 &`);
  await give(`${ssh(person)} 'setsid sh -c "setsid sleep ${uid}02 &" </dev/null >/dev/null 2>&1'`);
  await give(`${ssh(person)} 'systemd-run --user --quiet sleep ${uid}03'`);
  await give(`systemd-run --quiet --uid=${name} sleep ${uid}04`);
  const deaf = `(echo ${person.password} | sudo -S sh -c "trap \\"\\" TERM HUP INT; sleep ${uid}05" &)`;
  await give(`${ssh(person)} '${deaf} >/dev/null 2>&1'`);
  await give(`${ssh(person)} 'echo "sleep ${uid}06" | at now' 2>/dev/null`);
  await give(
    `${as(person)} setsid unshare --user --map-root-user --pid --fork sleep ${uid}07 </dev/null >/dev/null 2>&1 &`,
  );
}

/** Which of them run, and whether the person has a user manager. */
export async function whatRuns(machine: Machine, { uid }: Person): Promise<Record<string, boolean>> {
  const running: Record<string, boolean> = {};
  for (const [what, number] of Object.entries(RUNNING))
    running[what] = (await machine.exec(['pgrep', '-fx', `(/usr/bin/)?sleep ${uid}${number}`])).code === 0;
  running['a lingering user manager'] = (await machine.exec(['pgrep', '-u', String(uid), '-x', 'systemd'])).code === 0;
  return running;
}
