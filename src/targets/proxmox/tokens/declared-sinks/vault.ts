import { z } from 'zod';
import { absolutePath, plainText } from './values.js';

export interface DeclaredVault {
  kind: 'vault';
  /** `https://vault.example.com:8200`, with a path where it lies behind one. */
  address: string;
  namespace: string | undefined;
  caFile: string | undefined;
  /** Of the KV version 2 engine, `secret`. */
  mount: string;
  /** Below the mount, `entramox/terraform`. */
  path: string;
  login: VaultLogin;
  /** Whether older versions that hold a revoked secret are destroyed. */
  destroyOld: boolean;
  place: string;
}

/** The secret parts lie in files of root's. */
export type VaultLogin =
  | { kind: 'token'; tokenFile: string }
  | { kind: 'approle'; mount: string; roleId: string; secretIdFile: string };

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

const address = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const refuse = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (!url || !/^https?:$/.test(url.protocol)) return refuse('expected a URL such as https://vault.example.com:8200');
  if (url.username || url.password || url.search || url.hash) {
    return refuse('may carry neither user, password, query nor fragment');
  }
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) {
    return refuse('would send secrets in clear: use https');
  }
  const path = url.pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
  return `${url.origin}${path}`;
});

/** Vault takes nearly anything in a path; this is what survives every client and shell unchanged. */
const vaultPath = z
  .string()
  .max(512)
  .regex(/^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/, 'expected names with "/" between them, such as entramox/terraform')
  .refine((text) => !text.split('/').some((part) => part === '.' || part === '..'), 'must not hold . or ..');

const roleId = plainText.regex(/^\S+$/, 'expected a role id, without spaces');

export const vaultSink = z
  .strictObject({
    type: z.literal('vault'),
    address,
    namespace: vaultPath.optional(),
    ca_file: absolutePath.optional(),
    mount: vaultPath.default('secret'),
    path: vaultPath.optional(),
    token_file: absolutePath.optional(),
    role_id: roleId.optional(),
    secret_id_file: absolutePath.optional(),
    approle_mount: vaultPath.optional(),
    destroy_old: z.boolean('expected true or false').default(false),
  })
  .superRefine(({ token_file, role_id, secret_id_file, approle_mount }, context) => {
    const isRole = role_id !== undefined || secret_id_file !== undefined || approle_mount !== undefined;
    const complain = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (token_file === undefined && !isRole) complain('token_file', 'missing: name it, or role_id and secret_id_file');
    if (token_file !== undefined && isRole) complain('token_file', 'leave it out, or role_id and secret_id_file');
    if (isRole && role_id === undefined) complain('role_id', 'missing: it belongs to secret_id_file');
    if (isRole && secret_id_file === undefined) complain('secret_id_file', 'missing: it belongs to role_id');
  })
  .transform((given) => (name: string): DeclaredVault => {
    const path = given.path ?? `entramox/${name}`;
    const { token_file, role_id = '', secret_id_file = '', approle_mount = 'approle' } = given;
    const where = `${given.address}${given.namespace ? ` in the namespace ${given.namespace}` : ''}`;
    return {
      kind: 'vault',
      address: given.address,
      namespace: given.namespace,
      caFile: given.ca_file,
      mount: given.mount,
      path,
      login: token_file
        ? { kind: 'token', tokenFile: token_file }
        : { kind: 'approle', mount: approle_mount, roleId: role_id, secretIdFile: secret_id_file },
      destroyOld: given.destroy_old,
      place: `${given.mount}/${path} at ${where}`,
    };
  });
