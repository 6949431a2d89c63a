import { parseArgs } from 'node:util';
import { AgentError } from './errors.js';

/** How the agent was started. */
export interface Start {
  mode: { kind: 'stdio' } | { kind: 'systemd' } | { kind: 'socket'; path: string } | Adoption;
  policy: string;
  state: string;
  lingerMs: number;
}

export interface Adoption {
  kind: 'adopt';
  oid: string;
  name: string;
  /** Without it the account is only shown. */
  confirmed: boolean;
}

export const USAGE = `usage: accounts.js [--stdio | --socket PATH] [--policy FILE] [--state DIR] [--linger 60s]
       accounts.js adopt --oid GUID --name NAME [--yes] [--policy FILE] [--state DIR]
Without --stdio and --socket it serves the socket that systemd hands over.`;

const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** Reads the command line. Throws AgentError `invalid` that says what is wrong with it. */
export function parseStart(argv: readonly string[]): Start {
  const { values, positionals } = parse(argv);
  const { policy, state, linger } = values;
  const shared = { policy, state, lingerMs: parseDuration(linger) };
  if (positionals.length > 0) {
    if (positionals.join() !== 'adopt') throw new AgentError('invalid', `unknown command ${positionals.join(' ')}`);
    const { oid, name, yes } = values;
    if (oid === undefined || name === undefined) throw new AgentError('invalid', 'adopt needs --oid and --name');
    return { ...shared, mode: { kind: 'adopt', oid: oid.toLowerCase(), name, confirmed: yes } };
  }
  if (values.stdio && values.socket !== undefined) throw new AgentError('invalid', 'either --stdio or --socket');
  if (values.stdio) return { ...shared, mode: { kind: 'stdio' } };
  if (values.socket !== undefined) return { ...shared, mode: { kind: 'socket', path: values.socket } };
  return { ...shared, mode: { kind: 'systemd' } };
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
        oid: { type: 'string' },
        name: { type: 'string' },
        yes: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new AgentError('invalid', error instanceof Error ? error.message : String(error));
  }
}

function parseDuration(text: string): number {
  const [, amount, unit] = /^(\d{1,6})(ms|s|m|h)$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined) {
    throw new AgentError('invalid', `--linger ${text} is not a duration such as 60s`);
  }
  return Number(amount) * UNITS_MS[unit as keyof typeof UNITS_MS];
}
