import type { Environment } from '../config/environment.js';
import { renderExample } from '../config/example.js';
import { DEFAULT_CONFIG_FILE, type LoadedSettings, loadSettings } from '../config/load.js';
import type { CommandName } from '../config/needs.js';
import { describeOrigin } from '../config/origin.js';
import { accountsPolicy } from '../config/policy.js';
import { ConfigError, EXIT_CONFIG } from '../config/problem.js';

/** Where a command writes; a process is one. */
export interface ConfigIo {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
}

export interface ConfigArgs {
  /** The file of --config. */
  config?: string | undefined;
  json?: boolean | undefined;
  /** Check for one command (`listen`, `reconcile`, `run`); by default for all that is configured. */
  for?: CommandName | undefined;
  /** In place of the environment of this process. */
  env?: Environment | undefined;
}

/** `config check`: OK with all remarks, or every problem at once. Exit code 0 or 2. */
export async function configCheck(args: ConfigArgs, io: ConfigIo): Promise<number> {
  return withSettings(args, io, ({ notices, deprecations }) => {
    if (args.json) return print(io, { ok: true, problems: [], notices, deprecations });
    const remarks = [
      ...deprecations.map(({ alias, canonical }) => `${alias} is an old name: use ${canonical}.`),
      ...notices.map(({ text }) => text),
    ];
    io.stdout.write([...remarks.map((remark) => `note: ${remark}`), 'OK', ''].join('\n'));
  });
}

/** `config show`: every setting with its value, secrets masked, and where it came from. Exit code 0 or 2. */
export async function configShow(args: ConfigArgs, io: ConfigIo): Promise<number> {
  return withSettings(args, io, ({ shown }) => {
    const rows = shown.map(({ name, value, origin }) => ({
      name,
      value: value ?? null,
      origin: describeOrigin(origin, name),
    }));
    if (args.json) return print(io, { ok: true, settings: rows });
    const text = rows.map(({ name, value, origin }) => `${name}=${value ?? ''}  # ${origin}\n`);
    io.stdout.write(text.join(''));
  });
}

/** `config policy`: the account agent's policy file that fits these settings, as JSON. Exit code 0 or 2. */
export async function configPolicy(args: ConfigArgs, io: ConfigIo): Promise<number> {
  return withSettings(args, io, ({ settings }) => print(io, accountsPolicy(settings)));
}

/** `config example`: the complete, commented example file. Always exit code 0. */
export async function configExample(_args: ConfigArgs, io: ConfigIo): Promise<number> {
  io.stdout.write(renderExample());
  return 0;
}

function withSettings(args: ConfigArgs, io: ConfigIo, use: (loaded: LoadedSettings) => void): number {
  try {
    use(
      loadSettings({
        configFile: args.config,
        ...(args.for && { command: args.for }),
        ...(args.env ? { env: args.env } : { fallbackFile: DEFAULT_CONFIG_FILE }),
      }),
    );
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { problems, hint } = error;
    if (args.json) print(io, { ok: false, problems, hint, notices: [], deprecations: [] });
    else io.stderr.write(`${error.message}\n`);
    return EXIT_CONFIG;
  }
}

function print(io: ConfigIo, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}
