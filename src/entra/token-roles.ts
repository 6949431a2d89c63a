import { z } from 'zod';
import type { CauseWords } from './cause-words.js';

/** What reading people and groups needs (Graph: permissions reference; the narrowest documented pair). */
export const REQUIRED_ROLES = ['GroupMember.Read.All', 'User.Read.All'] as const;

/** Wider permissions that include a required one. */
const WIDER: Record<string, readonly string[]> = {
  'GroupMember.Read.All': [
    'GroupMember.ReadWrite.All',
    'Group.Read.All',
    'Group.ReadWrite.All',
    'Directory.Read.All',
    'Directory.ReadWrite.All',
  ],
  'User.Read.All': ['User.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
  'Application.Read.All': ['Application.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
  'Group.Read.All': ['Group.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
};

const payloadSchema = z.object({ roles: z.array(z.string()).optional(), exp: z.number().optional() });

export interface TokenContent {
  /** Application permissions; undefined: the token does not say (not a JWT, which Graph allows itself). */
  roles: readonly string[] | undefined;
  /** Epoch ms; undefined where the token does not say. */
  expiresAt: number | undefined;
}

/** What an access token says of itself. Never verified: it is read for the operator, nothing is decided on it. */
export function readToken(token: string): TokenContent {
  const payload = payloadSchema.safeParse(decodeJson(token.split('.')[1] ?? ''));
  if (!payload.success) return { roles: undefined, expiresAt: undefined };
  const { roles, exp } = payload.data;
  return { roles: roles ?? [], expiresAt: exp === undefined ? undefined : exp * 1000 };
}

/** JSON in base64url or base64; undefined where it is not that. */
export function decodeJson(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

export interface MissingRoles extends CauseWords {
  missing: readonly string[];
  /** Both in one sentence: what is missing, and where to grant it. */
  explanation: string;
}

/** The words for permissions that an app lacks; other places that find one missing use the same. */
export function grantWords(clientId: string, missing: readonly string[], has: string): CauseWords {
  return {
    saw: `app ${clientId} lacks the application permission${missing.length > 1 ? 's' : ''} ${missing.join(' and ')} (it has: ${has})`,
    mend:
      'Entra admin centre, App registrations, API permissions, Add, Microsoft Graph, Application permissions, then ' +
      '"Grant admin consent"; a running process sees them with its next token',
  };
}

/** Those of the required permissions that neither they nor a wider one cover; undefined: none is missing. */
export function findMissingRoles(
  roles: readonly string[],
  required: readonly string[],
  clientId: string,
): MissingRoles | undefined {
  const missing = required.filter((role) => ![role, ...(WIDER[role] ?? [])].some((enough) => roles.includes(enough)));
  if (missing.length === 0) return undefined;
  const has = roles.length > 0 ? roles.join(', ') : 'none';
  const words = grantWords(clientId, missing, has);
  return { missing, ...words, explanation: `${words.saw}; ${words.mend}` };
}
