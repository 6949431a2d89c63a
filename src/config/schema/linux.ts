import { defaulted, optional } from '../setting.js';
import { duration } from '../types/duration.js';
import { commandLine, plainPath, uidRange } from '../types/linux.js';
import { unixGroupList } from '../types/lists.js';
import { absolutePath, boolean, choice, integer, pattern, socketPath } from '../types/scalars.js';
import { valueType } from '../value-type.js';

const socket = socketPath();
const socketOrNone = valueType(`${socket.expected}, or nothing`, (text, wrong) => {
  if (text === '') return undefined;
  const parsed = socket.schema.safeParse(text);
  return parsed.success ? parsed.data : wrong();
});

/** Linux accounts: names, and how the account agent is reached. */
export const linuxSettings = {
  USERNAME_MODE: defaulted(choice('useronly', 'upn_concat'), 'useronly', {
    about: 'Unix name of alice@example.com: useronly gives alice, upn_concat gives alice_example_com.',
    example: 'upn_concat',
  }),
  USERNAME_SEPARATOR: defaulted(
    pattern(/^[a-z0-9._-]{1,4}$/, 'one to four of a-z, 0-9, dot, dash and underscore'),
    '_',
    {
      about: 'What stands for the @ with upn_concat.',
      example: '-',
    },
  ),
  USERNAME_LOWERCASE: defaulted(boolean(), 'true', {
    about: 'Put names in lower case.',
  }),
  USERNAME_MAXLEN: defaulted(integer(2, 32), '32', {
    about: 'Longest Unix name.',
    example: '20',
  }),
  DEFAULT_SHELL: defaulted(plainPath('a login shell'), '/bin/bash', {
    about: 'Login shell of new accounts.',
    example: '/bin/zsh',
  }),
  EXTRA_GROUPS: defaulted(unixGroupList(), '', {
    about: 'Groups that every managed account is in.',
    example: 'staff,lab',
  }),
  GRANT_SUDO: defaulted(boolean(), 'true', {
    about: 'Give sudo to super-admins, and to groups of ENTRA_ROLE_MAP with "sudo":true. false: nobody gets it.',
    example: 'false',
  }),
  SUDO_NOPASSWD: defaulted(boolean(), 'false', {
    about: 'sudo without a password.',
    example: 'true',
  }),
  UID_RANGE: defaulted(uidRange(), '20000-59999', {
    about:
      'Uids of managed accounts. The same identity gets the same uid on every host; where two would get one, the second ' +
      'waits until root pins a uid. With more than a hundred people take a far range, in which that does not happen.',
    example: '1900000000-2099999999',
  }),
  HOME_ARCHIVE_DIR: defaulted(plainPath('a directory'), '/var/lib/entramox-accounts/archive', {
    about: 'Where the account agent keeps the homes of deleted accounts.',
    example: '/srv/archive/homes',
  }),
  ACCOUNTS_SOCKET: defaulted(socketOrNone, '/run/entramox-accounts/accounts.sock', {
    about: 'Socket of the account agent. Set to nothing on a machine without Linux accounts to manage.',
    example: '/run/entramox-accounts/accounts.sock',
    blankCounts: true,
  }),
  ACCOUNTS_COMMAND: optional(commandLine(), {
    about: 'Start the account agent as a child instead, with this command. For containers, labs and tests.',
    example: '/usr/bin/node /usr/lib/entramox/accounts.js',
  }),
  ACCOUNTS_LINGER: defaulted(duration({ minMs: 1000, maxMs: 86_400_000 }), '60s', {
    about: 'Idle time after which the account agent exits.',
    example: '5m',
  }),
  ACCOUNTS_POLICY_FILE: defaulted(absolutePath('a file'), '/etc/entramox/accounts.policy.json', {
    about:
      'What the account agent may do, owned by root; `entramox config policy` prints one made from these settings.',
    example: '/etc/entramox/accounts.policy.json',
  }),
};
