import { Command, Option } from 'commander';
import { accountsCommand } from './commands/accounts.js';
import { adoptCommand } from './commands/adopt.js';
import { approveCommand } from './commands/approve.js';
import { auditShowCommand, auditVerifyCommand } from './commands/audit.js';
import { configCheck, configExample, configPolicy, configShow } from './commands/config.js';
import { doctorCommand } from './commands/doctor.js';
import { ExitCode } from './commands/exit-code.js';
import { integritySeal, integrityVerify } from './commands/integrity.js';
import { processIo } from './commands/io.js';
import { listenCommand } from './commands/listen.js';
import { planCommand } from './commands/plan.js';
import { addRealmVerbs } from './commands/realm/verbs.js';
import { reconcileCommand } from './commands/reconcile.js';
import { rejectCommand } from './commands/reject.js';
import { releaseCommand } from './commands/release.js';
import { repairCommand } from './commands/repair.js';
import { restoreCommand } from './commands/restore.js';
import { resyncCommand } from './commands/resync.js';
import { runCommand } from './commands/run.js';
import { secretEncrypt, secretKey } from './commands/secret.js';
import type { CommonOptions } from './commands/settings-of.js';
import { statusCommand } from './commands/status.js';
import { subscriptionsCommand } from './commands/subscriptions.js';
import { sweepCommand } from './commands/sweep.js';
import { addTokenVerbs } from './commands/token/verbs.js';
import { DEFAULT_CONFIG_FILE } from './config/load.js';
import { ConfigError } from './config/problem.js';
import { messageOf, SourceUnavailable } from './domain/errors.js';
import { redactText } from './telemetry/redact.js';

declare const ENTRAMOX_VERSION: string | undefined;

const io = processIo;

/** The whole command line: each verb does its work in `commands/` and gives back an exit code. */
function createProgram(finish: (code: number) => void): Command {
  const program = new Command('entramox')
    .description('Keeps Linux accounts, Proxmox VE users and lakeFS groups true to Microsoft Entra ID')
    .version(typeof ENTRAMOX_VERSION === 'string' ? ENTRAMOX_VERSION : 'development')
    .exitOverride()
    // An option that is none may hold a secret that somebody typed where it does not belong.
    .configureOutput({ outputError: (text, write) => write(text.replaceAll(/(--[\w-]+=)[^']*/g, '$1…')) })
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
    .option(
      '--approve <hash|clock>',
      'with --foreground: let the plan with this hash go ahead first, or say that the clock is right',
    )
    .action(async (options) => finish(await sweepCommand(options, io)));
  verb('resync <upn|oid>', 'bring one person true now, and tell how').action(async (who: string, options) =>
    finish(await resyncCommand(who, options, io)),
  );
  verb('plan [upn|oid]', 'show what would be done').action(async (who: string | undefined, options) =>
    finish(await planCommand(who, options, io)),
  );
  verb(
    'approve <hash|clock>',
    'let exactly this plan go ahead, if a fresh one is still the same; or say that the clock is right',
  ).action(async (hash: string, options) => finish(await approveCommand(hash, options, io)));
  verb('reject <hash>', 'drop a held plan: nobody in it loses anything for a while').action(
    async (hash: string, options) => finish(await rejectCommand(hash, options, io)),
  );
  verb('adopt <upn|oid>', 'take what exists of somebody, a Linux account or a Proxmox user, under management')
    .option('--yes', 'do it, rather than show it')
    .addOption(new Option('--target <target>', 'only there').choices(['linux', 'proxmox']))
    .option('--name <name>', 'the Linux account, where its name is not the one that the rule would give')
    .action(async (who: string, options) => finish(await adoptCommand(who, options, io)));
  verb('release <upn|oid>', 'give back what is looked after of somebody, as it is')
    .option('--yes', 'do it, rather than show it')
    .addOption(new Option('--target <target>', 'only there').choices(['linux', 'proxmox']))
    .action(async (who: string, options) => finish(await releaseCommand(who, options, io)));
  verb('restore <upn|oid>', 'bring back the archived home of somebody who came back after a deletion (root)')
    .option('--yes', 'do it, rather than show it')
    .option('--archive <file>', 'this one, rather than the newest')
    .action(async (who: string, options) => finish(await restoreCommand(who, options, io)));
  verb('repair', "rebuild the ledger from the targets' own records, where it was lost or contradicts them")
    .option('--yes', 'do it, rather than show it')
    .action(async (options) => finish(await repairCommand(options, io)));
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
  addTokenVerbs(program, verb, finish, io);
  addRealmVerbs(program, verb, finish, io);
  const audit = program.command('audit').description('the log of every decision and every step');
  verb('verify', 'check that nothing in it was cut, edited or reordered', audit)
    .option('--head', 'print the last record as NUMBER:HASH alone, to be kept on another host')
    .option('--anchor <number:hash...>', 'what --head printed earlier: it must still be there')
    .option('--from <number>', 'the log must still begin at this record, or before')
    .option('--bootstrap', 'the log of "token" and "realm" alone, to which the other options belong then')
    .action(async (options) => finish(await auditVerifyCommand(options, io)));
  verb('show', "one person's story, in order", audit)
    .requiredOption('--user <upn|oid>', 'whose; also by a former name')
    .action(async (options) => finish(await auditShowCommand(options, io)));
  const secret = program.command('secret').description('secrets of the configuration');
  verb(
    'encrypt',
    'encrypt the client secret that is typed or piped in, and print the line for the configuration',
    secret,
  )
    .option('--key-file <file>', 'a key that is there (default: the configured one)')
    .option('--new-key <file>', 'make a new key in this file')
    .action(async (options) => finish(await secretEncrypt(options, process.stdin, io)));
  verb('key [file]', 'make a new key in a file of its own', secret).action((file: string | undefined, options) =>
    finish(secretKey(file, options, io)),
  );
  const integrity = program.command('integrity').description('whether what runs is what root installed');
  verb('seal', 'record what is installed here; the units start nothing else from then on', integrity).action(
    async (options) => finish(await integritySeal(options, io)),
  );
  verb('verify', 'look whether the units would start', integrity).action(async (options) =>
    finish(await integrityVerify(options, io)),
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
