import { Rejected } from '../../domain/errors.js';
import { type KanidmCommand, shows, tellsError } from '../../targets/proxmox/realm/kanidm-script.js';
import { clientKeyProblem } from '../../targets/proxmox/realm/value-rules.js';
import { type ProgramEnd, runProgram } from '../../targets/proxmox/tokens/sinks/run-program.js';
import { registerSecret } from '../../telemetry/redact.js';

export interface KanidmPorts {
  /** `kanidm`, looked for where system programs are, or an absolute path. */
  program: string;
  storeSecret: (secret: string) => Promise<void>;
  /** Runs a write between its two records. */
  around: (what: string, work: () => Promise<void>) => Promise<void>;
  /** Told of each command that was run, and of those that were not needed. */
  tell: (what: string, result: 'done' | 'there') => void;
}

const PATIENCE_MS = 60_000;

/**
 * Runs the commands one after the other, without a shell and with nothing secret among their words. The session is the
 * one of `kanidm login` of whoever runs this. Throws Rejected at the first that fails; running it again goes on there.
 */
export async function runKanidm(commands: readonly KanidmCommand[], ports: KanidmPorts): Promise<void> {
  for (const command of commands) {
    const what = wordsOf(command);
    if (await isThere(command, ports)) {
      ports.tell(what, 'there');
      continue;
    }
    await ports.around(what, async () => {
      const end = await call(command.args, ports);
      if (end.code !== 0) throw new Rejected(`kanidm ${what} ended with ${end.code}: ${end.said || 'it said nothing'}`);
      if (tellsError(end.said)) throw new Rejected(`kanidm ${what} failed: ${end.said}`);
      if (command.printsSecret) await ports.storeSecret(secretIn(end));
    });
    ports.tell(what, 'done');
  }
}

async function isThere({ unless }: KanidmCommand, ports: KanidmPorts): Promise<boolean> {
  if (!unless) return false;
  const { code, stdout, said } = await call(unless.args, ports);
  // Every call after this one would fail alike.
  if (/not authenticated|session|expired|login|token/i.test(said) && code !== 0) {
    throw new Rejected(
      `kanidm does not know us: ${said}; log in first: kanidm login ${unless.args.slice(-4).join(' ')}`,
    );
  }
  return code === 0 && shows(stdout.toString('utf8'), unless.names);
}

function call(args: readonly string[], { program }: KanidmPorts): Promise<ProgramEnd> {
  return runProgram({ command: [program, ...args], input: '', timeoutMs: PATIENCE_MS });
}

/** Without the words that are the same for all of them. */
function wordsOf({ args }: KanidmCommand): string {
  return args.slice(0, args.indexOf('-H')).join(' ');
}

/** The one line that was printed. Never repeated in a message. */
function secretIn({ stdout }: ProgramEnd): string {
  const secret = stdout.toString('utf8').trim();
  registerSecret(secret);
  if (secret === '' || clientKeyProblem(secret) !== undefined) {
    throw new Rejected(
      'kanidm printed no secret on one line; look at it yourself: kanidm system oauth2 show-basic-secret',
    );
  }
  return secret;
}
