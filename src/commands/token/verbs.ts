import type { Command } from 'commander';
import type { AddVerb } from '../add-verb.js';
import { ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { DECLARATIONS, declarationsFile } from './connect.js';
import { tokenList } from './list.js';
import { withAdminOptions, withoutPbs, withPbsOptions } from './options.js';
import { OWN_TOKEN_FILE } from './own-declaration.js';
import { tokenRevoke } from './revoke.js';
import { tokenRotate } from './rotate.js';
import { tokenSelf } from './self.js';
import { tokenApply, tokenPlan } from './setup.js';
import { tokenShow } from './show.js';

/** The verbs of `entramox token`. */
export function addTokenVerbs(program: Command, verb: AddVerb, finish: (code: number) => void, io: Io): void {
  const token = program.command('token').description('roles, users and API tokens of Proxmox, from a declaration');
  for (const [name, text, action] of [
    ['plan', 'show what "apply" would do', tokenPlan],
    ['apply', 'make the declaration true, and prove it with the tokens themselves', tokenApply],
    ['list', 'show every declared token, and what differs', tokenList],
  ] as const) {
    withPbsOptions(withAdminOptions(verb(`${name} [file]`, `${text} (default: ${DECLARATIONS})`, token)))
      .option('--adopt', 'take what is there under management, where it is not marked as ours')
      .option('--prune', 'remove what is marked as ours and no longer declared')
      .action(async (file: string | undefined, options) =>
        finish(await action(declarationsFile(file, options), options, io)),
      );
  }
  withoutPbs(
    withAdminOptions(verb('self', 'prepare Proxmox for Entramox itself: its groups, roles, user and API token', token)),
    '"token self"',
  )
    .option('--yes', 'do it, rather than show it')
    .option('--adopt', 'take what is there under management, where it is not marked as ours')
    .option('--prune', 'take away what is ours and no longer asked for')
    .option('--user <user@realm>', 'the owner of the token (default: entramox@pve)')
    .option('--token-id <id>', 'the name of the token (default: entramox)')
    .option('--out <file>', `where the token goes (default: PVE_API_TOKEN_FILE, else ${OWN_TOKEN_FILE})`)
    .action(async (options) => finish(await tokenSelf(options, io)));
  withPbsOptions(
    withAdminOptions(verb('rotate [token] [file]', 'make a new token beside the old one, which ends later', token)),
  )
    .option('--due', 'all that are due, and end what is over: for a timer; its only argument is the file')
    .option('--immediate', 'the former secret ends at once')
    .action(async (which: string | undefined, file: string | undefined, options) => {
      // With --due nobody names a token, so the only argument is the file.
      if (options.due ? options.immediate || file !== undefined : which === undefined) {
        io.err(
          'say which token, or --due for all that are due: "token rotate TOKEN [FILE]", "token rotate --due [FILE]"',
        );
        return finish(ExitCode.usage);
      }
      const [name, path] = options.due ? [undefined, which] : [which, file];
      finish(await tokenRotate(name, declarationsFile(path, options), options, io));
    });
  withPbsOptions(
    withAdminOptions(verb('revoke <token> [file]', 'end a token, or all that stand for a declaration', token)),
  )
    .option('--yes', 'do it, rather than show it')
    .action(async (which: string, file: string | undefined, options) =>
      finish(await tokenRevoke(which, declarationsFile(file, options), options, io)),
    );
  withPbsOptions(verb('show <token> [file]', 'print a stored token with its secret', token)).action(
    async (which: string, file: string | undefined, options) =>
      finish(await tokenShow(which, declarationsFile(file, options), options, io)),
  );
}
