import { pause } from './interrupts.js';
import { signIn } from './person.js';
import { lookAt, type Sighting, type Wanted } from './sighting.js';
import { hire, KEEPSAKE, SHORTER, type Stage } from './stage.js';

/** One scene of the demo. */
export interface Step {
  name: string;
  /** What happens, before the clock starts to run. */
  happens: string;
  /** Done before the clock starts. */
  prepare?(): Promise<void>;
  /** Starts the clock. Lines that it gives are shown. */
  act(): Promise<string[]>;
  /** Looks at the targets; the step is done when every sighting is as expected. */
  look(): Promise<Sighting[]>;
  /** Looks at the lines that `act` gave. */
  judge?(lines: readonly string[]): Sighting[];
  /** What people do once the step was seen. */
  afterwards?(): Promise<string | undefined>;
}

const EMPLOYEE: Wanted = { linux: 'open', sudo: false, proxmox: 'enabled', role: 'PVEAuditor', lakefs: 'member' };
const ADMIN: Wanted = { linux: 'open', sudo: true, proxmox: 'enabled', role: 'Administrator', lakefs: 'member' };
const LOCKED: Wanted = {
  linux: 'locked',
  sudo: false,
  proxmox: 'disabled',
  role: undefined,
  lakefs: 'no member',
};
const DELETED: Wanted = { ...LOCKED, linux: 'none' };

/** The eleven steps, in order: alice comes, rises, falls, leaves twice and is deleted; bob and carol show the rest. */
export function scriptOf(stage: Stage, signal: AbortSignal): Step[] {
  const { lab } = stage;
  const { directory, notifications } = lab.entra;
  const { everybody, admins } = lab.groups;
  const idOf = (name: string) => stage.people.get(name) ?? '';
  const seen = (name: string, wanted: Wanted) => () => lookAt(stage, name, wanted);
  const change = (work: () => void) => async () => {
    work();
    return [];
  };
  const reopenShell = async () => {
    const presence = stage.presences.get('alice');
    presence?.openShell();
    return presence?.shell() && 'alice has a program running again';
  };

  return [
    {
      name: 'joiner',
      happens: 'alice is put into the group of everybody',
      act: change(() => hire(stage, 'alice')),
      look: seen('alice', EMPLOYEE),
      async afterwards() {
        await stage.machine.writeInHome('alice', KEEPSAKE);
        const presence = signIn(lab, stage.machine, 'alice', stage.ca);
        stage.presences.set('alice', presence);
        return `alice opens a Proxmox session and makes an API token${presence.shell() ? ', a program of hers runs' : ''}`;
      },
    },
    {
      name: 'promotion to super-admin',
      happens: 'alice is put into the group of super-admins',
      act: change(() => directory.addMember(admins, idOf('alice'))),
      look: seen('alice', ADMIN),
    },
    {
      name: 'demotion',
      happens: 'alice is taken out of it again',
      act: change(() => directory.removeMember(admins, idOf('alice'))),
      look: seen('alice', EMPLOYEE),
    },
    {
      name: 'Entra disable',
      happens: 'alice is disabled in Entra',
      act: change(() => directory.updateUser(idOf('alice'), { accountEnabled: false })),
      look: seen('alice', LOCKED),
    },
    {
      name: 'Entra enable',
      happens: 'alice is enabled again',
      act: change(() => directory.updateUser(idOf('alice'), { accountEnabled: true })),
      look: seen('alice', EMPLOYEE),
      afterwards: reopenShell,
    },
    {
      name: 'leaver',
      happens: `alice is taken out of the group; a reading ${SHORTER.CONFIRM_BEFORE_LOCK.seconds} s later must agree`,
      // The demotion was a removal from a group as well and would count as the first sign of this one.
      prepare: () => pause((SHORTER.CONFIRM_BEFORE_LOCK.seconds + 1) * 1000, signal),
      act: change(() => directory.removeMember(everybody, idOf('alice'))),
      look: seen('alice', LOCKED),
    },
    {
      name: 'comeback',
      happens: 'alice is put into the group again, within the grace',
      act: change(() => directory.addMember(everybody, idOf('alice'))),
      look: seen('alice', EMPLOYEE),
      afterwards: reopenShell,
    },
    {
      name: 'leaver again',
      happens: 'alice is taken out of the group once more',
      act: change(() => directory.removeMember(everybody, idOf('alice'))),
      look: seen('alice', LOCKED),
    },
    {
      name: 'deletion after the grace',
      happens: `${SHORTER.DELETE_AFTER.seconds} s of grace pass, then: entramox sweep`,
      prepare: () => pause(SHORTER.DELETE_AFTER.seconds * 1000, signal),
      act: () => command(stage, 'sweep'),
      async look() {
        const [linux, ...others] = await lookAt(stage, 'alice', DELETED);
        if (!linux?.ok) return linux ? [linux, ...others] : others;
        const archived = await stage.machine.isArchived('alice', KEEPSAKE);
        const words = (yes: boolean) => `home ${yes ? 'archived' : 'NOT archived'}`;
        const more = {
          expected: `no account, ${words(true)}`,
          seen: `${linux.seen}, ${words(archived)}`,
          ok: archived,
        };
        return [{ ...linux, ...more }, ...others];
      },
    },
    {
      name: 'manual resync',
      happens: 'bob became super-admin, the notification is lost: entramox resync bob@example.com',
      prepare: async () => notifications.silently(() => directory.addMember(admins, idOf('bob'))),
      act: () => command(stage, 'resync', 'bob@example.com'),
      look: seen('bob', ADMIN),
      judge: (lines) => [fiveSteps(lines)],
    },
    {
      name: 'sweep finds a lost notification',
      happens: 'carol left, the notification is lost: entramox sweep',
      prepare: async () => notifications.silently(() => directory.removeMember(everybody, idOf('carol'))),
      act: () => command(stage, 'sweep'),
      look: seen('carol', LOCKED),
    },
  ];
}

const FIVE = ['connect', 'read', 'scope', 'match', 'act'];

function fiveSteps(lines: readonly string[]): Sighting {
  const words = lines.map((line) => line.split(' ', 1)[0] ?? '');
  const told = [...new Set(words)].filter((word) => FIVE.includes(word));
  const ok = told.join() === FIVE.join();
  return { where: 'resync', expected: FIVE.join(', '), seen: told.join(', ') || 'none of its steps', ok };
}

async function command({ lab }: Stage, ...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await lab.entramox(...args);
  if (code !== 0) throw new Error(`entramox ${args.join(' ')} ended with ${code}: ${(stderr || stdout).trim()}`);
  return stdout.trim().split('\n');
}
