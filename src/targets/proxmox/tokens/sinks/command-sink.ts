import { Rejected } from '../../../../domain/errors.js';
import { registerSecret } from '../../../../telemetry/redact.js';
import type { DeclaredCommand } from '../declared-sinks/command.js';
import { readStored, type StoredToken, textOf } from '../stored-token.js';
import { type ProgramEnd, type RunProgram, runProgram } from './run-program.js';
import { isDead, type Sink } from './sink.js';
import { requireOwnFile } from './way.js';

type Command = readonly [string, ...string[]];

/**
 * Hands the JSON of a token to a program on its standard input, and reads it back from another one's standard output,
 * where one is declared: `pass`, Bitwarden's `bw` in a script, anything that keeps secrets.
 */
export function createCommandSink(declared: DeclaredCommand, run: RunProgram = runProgram): Sink {
  const { place, environment, timeoutMs, absentExitCode } = declared;
  const commands: { store: Command; read?: Command; probe?: Command; forget?: Command } = declared.commands;
  let passed: StoredToken | undefined;
  /** The value that the program was given last, unless it said that it did not keep it, or forgot it again. */
  let given: string | undefined;

  async function call(command: Command, input = ''): Promise<ProgramEnd> {
    // What root runs must be what root put there.
    await requireOwnFile(command[0]);
    return run({ command, input, timeoutMs, environment });
  }

  async function mustDo(what: string, command: Command, input = ''): Promise<void> {
    const end = await call(command, input);
    if (end.code !== 0) throw new Rejected(failureOf(what, command, end));
  }

  async function read(): Promise<StoredToken | undefined> {
    if (!commands.read) return passed;
    const end = await call(commands.read);
    if (end.code !== 0 && end.code === absentExitCode) return undefined;
    if (end.code !== 0) throw new Rejected(failureOf('read it back', commands.read, end));
    const text = end.stdout.toString('utf8');
    if (text.trim() === '') return undefined;
    const stored = readStored(text);
    if (!stored.ok) throw new Rejected(`what ${commands.read[0]} gives back ${stored.why}`);
    registerSecret(stored.token.value);
    return stored.token;
  }

  const sink: Sink = {
    place,
    sealed: commands.read ? undefined : `${place}, which is declared without a command that reads it back`,
    read,
    async probe() {
      for (const [program] of Object.values(commands)) await requireOwnFile(program);
      if (commands.probe) await mustDo('be ready', commands.probe);
    },
    async store(token) {
      const before = await read();
      await requireOwnFile(commands.store[0]);
      given = token.value;
      const end = await call(commands.store, textOf(token));
      if (end.code !== 0) {
        given = undefined;
        throw new Rejected(failureOf('store the secret', commands.store, end));
      }
      passed = token;
      return async () => {
        passed = before;
        if (before) await mustDo('store the secret', commands.store, textOf(before));
        else if (commands.forget) await mustDo('forget the secret', commands.forget, idOnly(token['full-tokenid']));
        else throw new Rejected(`${place}, which is declared without a command that forgets`);
        given = before?.value;
      };
    },
    mayKeep: (token) => given === token.value,
    async forget(dead) {
      const stored = await read();
      if (commands.read && !(stored && isDead(stored, dead))) return 'none';
      // The one that lives on took the place of the dead one.
      if (!commands.read && dead.except !== undefined) return passed?.value === dead.except ? 'none' : 'unknown';
      if (!commands.forget) return 'unknown';
      await mustDo('forget the secret', commands.forget, idOnly(dead.fullId));
      passed = undefined;
      return 'gone';
    },
    // Without a command that reads, it can only be believed.
    async has(token) {
      if (!commands.read) return true;
      const stored = await read();
      return stored !== undefined && (token === undefined || stored.value === token.value);
    },
    get parts() {
      return [sink];
    },
  };
  return sink;
}

/** What a command that forgets is told. */
function idOnly(fullId: string): string {
  return `${JSON.stringify({ 'full-tokenid': fullId })}\n`;
}

function failureOf(what: string, [program]: Command, { code, said }: ProgramEnd): string {
  return `${program} could not ${what}: it ended with ${code}${said ? ` (${said})` : ''}`;
}
