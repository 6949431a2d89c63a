import { Command } from 'commander';
import { accountsCommand } from './commands/accounts.js';
import { adoptCommand } from './commands/adopt.js';
import { approveCommand } from './commands/approve.js';
import { configCheck, configExample, configPolicy, configShow } from './commands/config.js';
import { doctorCommand } from './commands/doctor.js';
import { ExitCode } from './commands/exit-code.js';
import { processIo } from './commands/io.js';
import { listenCommand } from './commands/listen.js';
import { planCommand } from './commands/plan.js';
import { reconcileCommand } from './commands/reconcile.js';
import { resyncCommand } from './commands/resync.js';
import { runCommand } from './commands/run.js';
import type { CommonOptions } from './commands/settings-of.js';
import { statusCommand } from './commands/status.js';
import { subscriptionsCommand } from './commands/subscriptions.js';
import { sweepCommand } from './commands/sweep.js';
import { DEFAULT_CONFIG_FILE } from './config/load.js';
import { ConfigError } from './config/problem.js';
import { messageOf, SourceUnavailable } from './domain/errors.js';
import { redactText } from './telemetry/redact.js';

declare const ENTRAMOX_VERSION: string | undefined;

const io = processIo;

/** The whole command line: each verb does its work in `commands/` and gives back an exit code. */
function createProgram(finish: (code: number) => void): Command {
  const program = new Command('entramox')
    .description('Keeps Linux accounts and Proxmox VE users true to Microsoft Entra ID')
    .version(typeof ENTRAMOX_VERSION === 'string' ? ENTRAMOX_VERSION : 'development')
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 held by the guard, 4 degraded',
    );
  const daemon = (usage: string, text: string, parent = program): Command =>
    parent
      .command(usage)
      .description(text)
      .option('--config <file>', `configuration as systemd reads an EnvironmentFile (default: ${DEFAULT_CONFIG_FILE})`);
  const verb = (usage: string, text: string, parent = program): Command =>
    daemon(usage, text, parent).option('--json', 'answer as JSON');

  daemon('listen', 'take notifications of Graph and keep the subscriptions').action(async (options: CommonOptions) =>
    finish(await listenCommand(options)),
  );
  daemon('reconcile', 'work the queue off and sweep').action(async (options: CommonOptions) =>
    finish(await reconcileCommand(options)),
  );
  daemon('run', 'listener and reconciler in one process').action(async (options: CommonOptions) =>
    finish(await runCommand(options)),
  );
  program
    .command('accounts')
    .description('the root account agent (its own program; --help tells its options)')
    .allowUnknownOption()
    .helpOption(false)
    .argument('[args...]')
    .action(async (args: string[]) => finish(await accountsCommand(args)));
  verb('sweep', 'bring everything true now')
    .option('--foreground', 'in this process, without daemons')
    .action(async (options) => finish(await sweepCommand(options, io)));
  verb('resync <upn|oid>', 'bring one person true now, and tell how').action(async (who: string, options) =>
    finish(await resyncCommand(who, options, io)),
  );
  verb('plan [upn|oid]', 'show what would be done').action(async (who: string | undefined, options) =>
    finish(await planCommand(who, options, io)),
  );
  verb('approve <hash>', 'let a held plan go ahead').action(async (hash: string, options) =>
    finish(await approveCommand(hash, options, io)),
  );
  verb('adopt <upn|oid>', 'take an existing Proxmox user under management')
    .option('--yes', 'do it, rather than show it')
    .action(async (who: string, options) => finish(await adoptCommand(who, options, io)));
  verb('status', 'one screen with everything that matters').action(async (options) =>
    finish(await statusCommand(options, io)),
  );
  const subscriptions = program.command('subscriptions').description('the subscriptions at Graph');
  for (const [name, text] of [
    ['list', 'show them with their expiry'],
    ['renew', 'renew all of them now'],
    ['delete', 'delete all of them; the next tick makes them anew'],
  ] as const) {
    verb(name, text, subscriptions).action(async (options: CommonOptions) =>
      finish(await subscriptionsCommand(name, options, io)),
    );
  }
  verb('doctor', 'check everything the product rests on').action(async (options) =>
    finish(await doctorCommand(options, io)),
  );
  const config = program.command('config').description('the configuration');
  for (const [name, text, action] of [
    ['check', 'check every value', configCheck],
    ['show', 'show every value and where it came from, secrets masked', configShow],
    ['policy', "print the account agent's policy file that fits this configuration", configPolicy],
    ['example', 'print the complete, commented example file', configExample],
  ] as const) {
    verb(name, text, config).action(async (options: CommonOptions) => finish(await action(options, process)));
  }
  return program;
}

async function main(argv: readonly string[]): Promise<number> {
  let code: number = ExitCode.done;
  try {
    await createProgram((result) => {
      code = result;
    }).parseAsync(argv);
    return code;
  } catch (error) {
    if (error instanceof ConfigError) {
      io.err(error.message);
      return ExitCode.usage;
    }
    // commander has printed its own complaint, or the help that was asked for.
    if (isCommanderError(error)) return error.exitCode === 0 ? ExitCode.done : ExitCode.usage;
    io.err(redactText(messageOf(error)));
    return error instanceof SourceUnavailable ? ExitCode.degraded : ExitCode.failed;
  }
}

function isCommanderError(error: unknown): error is { exitCode: number } {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
}

process.exitCode = await main(process.argv);
