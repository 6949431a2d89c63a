import { randomUUID } from 'node:crypto';
import { type Answer, give, NOTHING, refuse } from './answers.js';

export type Capability = 'create' | 'read' | 'update' | 'delete' | 'list' | 'sudo' | 'root';

/** What a token may do: paths below /v1/, where `*` at the end stands for anything; the longest match counts. */
export type Policy = Readonly<Record<string, readonly Capability[]>>;

interface Login {
  policy: Policy;
  namespace: string;
  until: number;
}

interface Role {
  secretId: string;
  policy: Policy;
  namespace: string;
  usesLeft: number;
  ttlSeconds: number;
}

/** Every login may do this: Vault's policy "default". */
const DEFAULT_POLICY: Policy = {
  'auth/token/lookup-self': ['read'],
  'auth/token/revoke-self': ['update'],
  'sys/capabilities-self': ['update'],
};

export interface Logins {
  addToken(policy: Policy, namespace?: string): string;
  addRole(role: { policy: Policy; namespace?: string; uses?: number; ttlSeconds?: number }): {
    roleId: string;
    secretId: string;
  };
  /** How many logins are open that came from roles. */
  openRoleLogins(): number;
  revoke(token: string): void;
  capabilities(token: string, namespace: string, path: string): readonly Capability[] | undefined;
  answer(action: string, token: string, namespace: string): Answer | undefined;
  logIn(body: Record<string, unknown>, namespace: string): Answer;
}

export function createLogins(now: () => number): Logins {
  const tokens = new Map<string, Login>();
  const ofRoles = new Set<string>();
  const roles = new Map<string, Role>();

  function loginOf(token: string, namespace: string): Login | undefined {
    const login = tokens.get(token);
    return login && login.namespace === namespace && login.until > now() ? login : undefined;
  }

  return {
    addToken(policy, namespace = '') {
      const token = `hvs.${randomUUID().replaceAll('-', '')}`;
      tokens.set(token, { policy, namespace, until: Number.POSITIVE_INFINITY });
      return token;
    },
    addRole({ policy, namespace = '', uses = Number.POSITIVE_INFINITY, ttlSeconds = 3600 }) {
      const roleId = randomUUID();
      const secretId = randomUUID();
      roles.set(roleId, { secretId, policy, namespace, usesLeft: uses, ttlSeconds });
      return { roleId, secretId };
    },
    openRoleLogins: () => [...ofRoles].filter((token) => tokens.has(token)).length,
    revoke: (token) => void tokens.delete(token),
    capabilities(token, namespace, path) {
      const login = loginOf(token, namespace);
      if (!login) return undefined;
      const all: Policy = { ...DEFAULT_POLICY, ...login.policy };
      const matching = Object.keys(all)
        .filter((rule) => (rule.endsWith('*') ? path.startsWith(rule.slice(0, -1)) : path === rule))
        .sort((a, b) => b.length - a.length);
      return all[matching[0] ?? ''] ?? [];
    },
    answer(action, token, namespace) {
      const login = loginOf(token, namespace);
      if (!login) return undefined;
      if (action === 'lookup-self') return give({ id: token, policies: ['default'], type: 'service' });
      if (action !== 'revoke-self') return undefined;
      tokens.delete(token);
      return NOTHING;
    },
    logIn({ role_id: roleId, secret_id: secretId, ...rest }, namespace) {
      if (Object.keys(rest).length > 0) return refuse(400, `unknown fields ${Object.keys(rest).join(', ')}`);
      if (typeof roleId !== 'string' || roleId === '') return refuse(400, 'missing role_id');
      const role = roles.get(roleId);
      if (!role || role.namespace !== namespace || role.secretId !== secretId || role.usesLeft <= 0) {
        return refuse(400, 'invalid role or secret ID');
      }
      role.usesLeft -= 1;
      const token = `hvs.${randomUUID().replaceAll('-', '')}`;
      tokens.set(token, { policy: role.policy, namespace, until: now() + role.ttlSeconds * 1000 });
      ofRoles.add(token);
      const about = { accessor: randomUUID(), policies: ['default'], token_policies: ['default'], metadata: {} };
      const lease = {
        lease_duration: role.ttlSeconds,
        renewable: true,
        entity_id: randomUUID(),
        token_type: 'service',
      };
      return give(null, { auth: { client_token: token, ...about, ...lease, orphan: true } });
    },
  };
}
