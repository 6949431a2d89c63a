import { readFileSync } from 'node:fs';
import type { Clock } from '../../../../domain/clock.js';
import { messageOf, Rejected } from '../../../../domain/errors.js';
import type { DeclaredPlace, DeclaredSink } from '../declared-sink.js';
import type { DeclaredVault } from '../declared-sinks/vault.js';
import { createAgeSink } from './age-sink.js';
import { createCommandSink } from './command-sink.js';
import { createCredentialFile } from './credential-file.js';
import { createFileSink } from './file-sink.js';
import type { ReadSecret } from './read-secret.js';
import { createSeveralSinks } from './several-sinks.js';
import type { Sink } from './sink.js';
import { createSystemdCredsSink } from './systemd-creds-sink.js';
import { createVaultHttp, type VaultHttp } from './vault/http.js';
import { createVaultSecret } from './vault/kv.js';
import { createVaultSession, type VaultSession } from './vault/session.js';
import { createVaultSink } from './vault/vault-sink.js';

export interface SinkPorts {
  readSecret: ReadSecret;
  clock: Clock;
  /** See `SystemdCredsPorts`. */
  hostKeyFile?: string | undefined;
}

/** All sinks of one run. */
export interface Sinks {
  /** The same declaration gives the same sink, which is how a sealed one knows what was stored through it. Never throws. */
  open(declared: DeclaredSink): Sink;
  /** Gives up logins and connections. Throws Rejected where a login could not be given up; everything is closed then. */
  close(): Promise<void>;
}

export function openSinks(ports: SinkPorts): Sinks {
  const known = new Map<string, Sink>();
  const vaults = new Map<string, { http: VaultHttp; session: VaultSession }>();

  function open(declared: DeclaredSink): Sink {
    const key = JSON.stringify(declared);
    const sink = known.get(key) ?? create(declared);
    known.set(key, sink);
    return sink;
  }

  function create(declared: DeclaredSink): Sink {
    if (declared.kind !== 'several') return createOne(declared);
    const [first, ...rest] = declared.sinks;
    return createSeveralSinks([open(first), ...rest.map(open)]);
  }

  function createOne(declared: DeclaredPlace): Sink {
    switch (declared.kind) {
      case 'file':
        return createFileSink(declared.path);
      case 'credential':
        return createCredentialFile(declared.path);
      case 'systemd-creds':
        return createSystemdCredsSink(declared, { hostKeyFile: ports.hostKeyFile });
      case 'age':
        return createAgeSink(declared, ports.readSecret);
      case 'command':
        return createCommandSink(declared);
      case 'vault': {
        const { address, mount, path } = declared;
        const send: Parameters<typeof createVaultSecret>[0]['send'] = async (call) => {
          const { http, session } = vaultOf(declared);
          return http.call({ ...call, token: await session.token() });
        };
        return createVaultSink(declared, createVaultSecret({ address, mount, path, send }));
      }
      default:
        return declared satisfies never;
    }
  }

  /** One connection and one login for all secrets of the same Vault: a secret id may be good for a few logins only. */
  function vaultOf({ address, namespace, caFile, login }: DeclaredVault): { http: VaultHttp; session: VaultSession } {
    const key = JSON.stringify([address, namespace, caFile, login]);
    const there = vaults.get(key);
    if (there) return there;
    const http = createVaultHttp({ address, namespace, ca: caFile === undefined ? undefined : authorityIn(caFile) });
    const session = createVaultSession({ login, address, http, ...ports });
    vaults.set(key, { http, session });
    return { http, session };
  }

  return {
    open,
    async close() {
      const failures: string[] = [];
      for (const { http, session } of vaults.values()) {
        await session.end().catch((error: unknown) => failures.push(messageOf(error)));
        await http.close();
      }
      vaults.clear();
      known.clear();
      if (failures.length > 0) throw new Rejected(failures.join('; '));
    },
  };
}

function authorityIn(path: string): string {
  try {
    const text = readFileSync(path, 'utf8');
    if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  } catch (error) {
    throw new Rejected(`ca_file ${path} cannot be read: ${messageOf(error)}`);
  }
  throw new Rejected(`ca_file ${path} holds no PEM certificate`);
}
