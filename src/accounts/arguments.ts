import { parseArgs } from 'node:util';
import { AgentError, messageOf } from './errors.js';
import { isGuid } from './names.js';

/** How the agent was started. */
export interface Start {
  mode: { kind: 'stdio' } | { kind: 'systemd' } | { kind: 'socket'; path: string } | RootVerb;
  policy: string;
  state: string;
  lingerMs: number;
  /** How long one of root's own commands waits for a running agent to step aside. */
  waitMs: number;
}

/** What root alone may ask for, on the command line. Unless it is confirmed, it is only shown. */
export type RootVerb =
  | { kind: 'adopt'; oid: string; name: string; confirmed: boolean }
  | { kind: 'release'; oid: string; confirmed: boolean }
  | { kind: 'repair'; ledger: string; confirmed: boolean }
  | { kind: 'restore'; oid: string; archive: string | undefined; confirmed: boolean };

export const USAGE = `usage: accounts.js [--stdio | --socket PATH] [--policy FILE] [--state DIR] [--linger 60s]
       accounts.js adopt --oid GUID --name NAME [--yes] [--policy FILE] [--state DIR]
       accounts.js release --oid GUID [--yes] [--policy FILE] [--state DIR]
       accounts.js repair --ledger FILE [--yes] [--policy FILE] [--state DIR]
       accounts.js restore --oid GUID [--archive FILE] [--yes] [--policy FILE] [--state DIR]
adopt, release, repair and restore are root's own: they show what they would do, --yes does it. An agent that runs is asked to
step aside, and waited for (--wait 30s).
Without --stdio and --socket it serves the socket that systemd hands over.`;

const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** Reads the command line. Throws AgentError `invalid` that says what is wrong with it. */
export function parseStart(argv: readonly string[]): Start {
  const { values, positionals } = parse(argv);
  const { policy, state, linger, wait } = values;
  const times = { lingerMs: parseDuration('--linger', linger), waitMs: parseDuration('--wait', wait) };
  const shared = { policy, state, ...times };
  if (positionals.length > 0) {
    return { ...shared, mode: rootVerb(positionals.join(' '), values) };
  }
  if (values.stdio && values.socket !== undefined) throw new AgentError('invalid', 'either --stdio or --socket');
  if (values.stdio) return { ...shared, mode: { kind: 'stdio' } };
  if (values.socket !== undefined) return { ...shared, mode: { kind: 'socket', path: values.socket } };
  return { ...shared, mode: { kind: 'systemd' } };
}

function rootVerb(verb: string, values: ReturnType<typeof parse>['values']): RootVerb {
  const { oid: given, name, archive, ledger, yes: confirmed } = values;
  if (verb === 'repair') {
    if (ledger === undefined)
      throw new AgentError('invalid', "repair needs --ledger, the file of the reconciler's ledger");
    return { kind: 'repair', ledger, confirmed };
  }
  if (!['adopt', 'release', 'restore'].includes(verb)) throw new AgentError('invalid', `unknown command ${verb}`);
  if (given === undefined) throw new AgentError('invalid', `${verb} needs --oid`);
  const oid = given.toLowerCase();
  if (!isGuid(oid)) throw new AgentError('invalid', `--oid ${given} is not a GUID`);
  if (verb === 'restore') return { kind: 'restore', oid, archive, confirmed };
  if (verb === 'release') return { kind: 'release', oid, confirmed };
  if (name === undefined) throw new AgentError('invalid', 'adopt needs --oid and --name');
  return { kind: 'adopt', oid, name, confirmed };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        stdio: { type: 'boolean', default: false },
        socket: { type: 'string' },
        policy: { type: 'string', default: '/etc/entramox/accounts.policy.json' },
        state: { type: 'string', default: '/var/lib/entramox-accounts' },
        linger: { type: 'string', default: '60s' },
        wait: { type: 'string', default: '30s' },
        oid: { type: 'string' },
        name: { type: 'string' },
        archive: { type: 'string' },
        ledger: { type: 'string' },
        yes: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new AgentError('invalid', messageOf(error));
  }
}

function parseDuration(option: string, text: string): number {
  const [, amount, unit] = /^(\d{1,6})(ms|s|m|h)$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined) {
    throw new AgentError('invalid', `${option} ${text} is not a duration such as 60s`);
  }
  return Number(amount) * UNITS_MS[unit as keyof typeof UNITS_MS];
}
