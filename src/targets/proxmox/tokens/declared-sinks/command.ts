import { z } from 'zod';
import { absolutePath, plainText, shortTime } from './values.js';

/** Absolute path of a program, then its arguments. */
export type DeclaredArguments = readonly [string, ...string[]];

export interface DeclaredCommand {
  kind: 'command';
  commands: {
    /** Takes the JSON of the token on standard input. */
    store: DeclaredArguments;
    /** Gives that JSON on standard output; without it what is stored cannot be read here. */
    read?: DeclaredArguments;
    /** Exits 0 where storing would work: unlocked, logged in. */
    probe?: DeclaredArguments;
    /** Takes `{"full-tokenid": ...}` on standard input and removes what is stored of it. */
    forget?: DeclaredArguments;
  };
  /** With which `read` says that nothing is stored; undefined: it does so with exit code 0 and no output. */
  absentExitCode: number | undefined;
  environment: Readonly<Record<string, string>>;
  timeoutMs: number;
  place: string;
}

const words = z
  .array(plainText, 'expected a list: the absolute path of a program, then its arguments')
  .min(1, 'name a program')
  .max(64)
  .superRefine(([program], context) => {
    const read = absolutePath.safeParse(program);
    if (!read.success) {
      context.addIssue({ code: 'custom', path: [0], message: 'expected the absolute path of a program' });
    }
  })
  .transform(([program = '', ...args]): DeclaredArguments => [program, ...args]);

/** Variables that would change which code runs in the child. */
const LOADER = /^(?:LD_.*|PATH|IFS|ENV|BASH_ENV|NODE_OPTIONS|PYTHON.*|PERL5.*)$/;

const SECRET = /(?:SECRET|PASSWORD|PASSPHRASE|TOKEN|SESSION|KEY|PIN)$/i;

const variables = z.record(z.string(), plainText).superRefine((given, context) => {
  for (const name of Object.keys(given)) {
    const why = whyNoVariable(name);
    if (why) context.addIssue({ code: 'custom', path: [name], message: why });
  }
});

function whyNoVariable(name: string): string | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return 'expected the name of a variable';
  if (LOADER.test(name)) return 'may change which code runs: set it in a script of your own';
  if (SECRET.test(name)) return 'no secret belongs here: have a script of your own read it from a file';
  return undefined;
}

export const commandSink = z
  .strictObject({
    type: z.literal('command'),
    command: words,
    read: words.optional(),
    probe: words.optional(),
    forget: words.optional(),
    absent_exit_code: z.int().min(1).max(255).optional(),
    environment: variables.default({}),
    timeout: shortTime.default(30_000),
  })
  .refine(({ absent_exit_code, read }) => absent_exit_code === undefined || read !== undefined, {
    path: ['absent_exit_code'],
    message: 'says something about "read", which is missing',
  })
  .transform((given) => (_name: string): DeclaredCommand => {
    const { command, read, probe, forget } = given;
    return {
      kind: 'command',
      commands: { store: command, ...(read && { read }), ...(probe && { probe }), ...(forget && { forget }) },
      absentExitCode: given.absent_exit_code,
      environment: given.environment,
      timeoutMs: given.timeout,
      place: `what ${command.join(' ')} keeps`,
    };
  });
