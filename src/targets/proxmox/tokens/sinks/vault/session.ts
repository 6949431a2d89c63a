import { z } from 'zod';
import type { Clock } from '../../../../../domain/clock.js';
import { Rejected } from '../../../../../domain/errors.js';
import { registerSecret } from '../../../../../telemetry/redact.js';
import type { VaultLogin } from '../../declared-sinks/vault.js';
import type { ReadSecret } from '../read-secret.js';
import type { VaultHttp } from './http.js';
import { refusalOf } from './refusal.js';

/** Who we are to Vault. */
export interface VaultSession {
  /** The token to send; logs in where that is still to be done, or where an earlier login has ended. */
  token(): Promise<string>;
  /** Gives up a login of our own. Throws Rejected where Vault does not take it. */
  end(): Promise<void>;
}

const loginAnswer = z.object({
  auth: z.object({ client_token: z.string().regex(/^[\x21-\x7e]{4,4096}$/), lease_duration: z.number().min(0) }),
});

export interface SessionPorts {
  login: VaultLogin;
  address: string;
  http: VaultHttp;
  readSecret: ReadSecret;
  clock: Clock;
}

export function createVaultSession({ login, address, http, readSecret, clock }: SessionPorts): VaultSession {
  if (login.kind === 'token') {
    const { tokenFile } = login;
    return { token: async () => headerSafe(readSecret(tokenFile), tokenFile), end: async () => undefined };
  }
  let current: { token: string; until: number } | undefined;

  async function logIn(role: Extract<VaultLogin, { kind: 'approle' }>): Promise<string> {
    const body = { role_id: role.roleId, secret_id: readSecret(role.secretIdFile) };
    const answer = await http.call({ method: 'POST', path: `auth/${role.mount}/login`, body });
    const read = loginAnswer.safeParse(answer.body);
    const what = `logging in with the role id of the declaration and the secret id in ${role.secretIdFile}`;
    if (answer.status !== 200 || !read.success) throw refusalOf(what, address, answer);
    const { client_token: token, lease_duration: seconds } = read.data.auth;
    registerSecret(token);
    // A login without an end has the duration 0.
    const until = seconds === 0 ? Number.POSITIVE_INFINITY : clock.now() + seconds * 900;
    current = { token, until };
    return token;
  }

  return {
    token: async () => (current && clock.now() < current.until ? current.token : logIn(login)),
    async end() {
      if (!current) return;
      const { token, until } = current;
      current = undefined;
      if (clock.now() >= until) return;
      const answer = await http.call({ method: 'POST', path: 'auth/token/revoke-self', token, body: {} });
      if (answer.status >= 300) throw refusalOf('giving up our own login', address, answer);
    },
  };
}

/** What would break the header is told apart from what Vault refuses. */
function headerSafe(token: string, path: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new Rejected(`${path} holds no token of Vault: one line without spaces is expected`);
}
