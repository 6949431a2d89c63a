import { Rejected } from '../../../../domain/errors.js';
import type { DeclaredSystemdCreds } from '../declared-sinks/systemd-creds.js';
import { createFileKeeper } from './file-keeper.js';
import { type RunProgram, runProgram } from './run-program.js';
import type { Sink } from './sink.js';

const PROGRAM = '/usr/bin/systemd-creds';
/** A TPM answers within seconds. */
const TIMEOUT_MS = 30_000;

export interface SystemdCredsPorts {
  run?: RunProgram;
  /** Where the key of the host lies, if not in /var/lib/systemd (SYSTEMD_CREDENTIAL_SECRET, systemd's ENVIRONMENT). */
  hostKeyFile?: string | undefined;
}

/**
 * A file encrypted by systemd-creds for this host, to be handed to a unit by LoadCredentialEncrypted=. The name is part
 * of what is encrypted: under another one it cannot be read. Needs systemd 250, and root for the key of the host.
 */
export function createSystemdCredsSink(
  declared: DeclaredSystemdCreds,
  { run = runProgram, hostKeyFile }: SystemdCredsPorts = {},
): Sink {
  const { path, name, withKey, place } = declared;
  const environment: Record<string, string> = hostKeyFile ? { SYSTEMD_CREDENTIAL_SECRET: hostKeyFile } : {};

  async function creds(verb: 'encrypt' | 'decrypt', input: string | Uint8Array): Promise<Buffer> {
    const options = verb === 'encrypt' ? [`--with-key=${withKey}`] : ['--newline=no'];
    // "-" twice: from standard input to standard output, so that the secret is in no argument and no other file.
    const command = [PROGRAM, verb, `--name=${name}`, ...options, '-', '-'] as const;
    const { code, stdout, said } = await run({ command, input, timeoutMs: TIMEOUT_MS, environment });
    if (code === 0) return stdout;
    throw new Rejected(`systemd-creds could not ${verb} ${path}, as ${name}: ${said || `it ended with ${code}`}`);
  }

  return createFileKeeper(path, place, {
    async probe() {
      const back = await creds('decrypt', await creds('encrypt', 'probe'));
      if (back.toString('utf8') !== 'probe') throw new Rejected(`systemd-creds does not give back what it encrypts`);
    },
    wrap: (text) => creds('encrypt', text),
    unwrap: async (content) => (await creds('decrypt', content)).toString('utf8'),
  });
}
