import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../../config/settings.js';
import { Rejected } from '../../domain/errors.js';
import { BARE_ENVIRONMENT } from '../../telemetry/bare-environment.js';
import { shellQuote } from './shell-quote.js';

/** What a command of the account agent's own said. */
export interface RootVerbResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** One of the account agent's own commands, which root alone may give. */
export interface RootVerb {
  /** For a person to type. */
  shown: string;
  /** Whether this process may give it. */
  allowed: boolean;
  /** Runs it to its end. */
  run(): Promise<RootVerbResult>;
}

/**
 * `adopt`, `release` or `restore` of the account agent on this host: by its program beside this one, or where
 * ACCOUNTS_COMMAND says how to start it, by that. Throws Rejected where that command is not for stdio.
 */
export function rootVerb(
  { linux }: Pick<Settings, 'linux'>,
  args: readonly string[],
  isRoot = process.getuid?.() === 0,
): RootVerb {
  const command = linux.accountsCommand;
  const [program = '', ...rest] = command ? instead(command, args) : [process.execPath, agentProgram(), ...args];
  const shown = command ? [program, ...rest] : ['entramox', 'accounts', ...args];
  return {
    shown: shown.map(shellQuote).join(' '),
    allowed: isRoot,
    run: () =>
      new Promise((resolve, reject) => {
        const child = spawn(program, rest, { env: BARE_ENVIRONMENT, stdio: ['ignore', 'pipe', 'pipe'] });
        const said = { stdout: '', stderr: '' };
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          said.stdout += text;
        });
        child.stderr.setEncoding('utf8').on('data', (text: string) => {
          said.stderr += text;
        });
        child.once('error', reject);
        child.once('close', (code) => resolve({ code: code ?? 1, ...said }));
      }),
  };
}

function instead(command: readonly string[], args: readonly string[]): string[] {
  const rest = command.filter((word) => word !== '--stdio');
  if (rest.length === command.length) {
    throw new Rejected(`ACCOUNTS_COMMAND has no --stdio, so nothing tells how to ask it for: ${args.join(' ')}`);
  }
  return [...rest, ...args];
}

function agentProgram(): string {
  return join(dirname(fileURLToPath(import.meta.url)), 'accounts.js');
}
