import { findMissingRoles } from '../../entra/token-roles.js';
import { type Check, fine, remark, wrong } from './check.js';

export interface RolePorts {
  /** Application permissions in the token; undefined: it does not say. */
  roles: readonly string[] | undefined;
  /** Each with what it is for. */
  needed: readonly { role: string; use: string }[];
  clientId: string;
}

/** Permissions that do more than read. */
const WRITES = /ReadWrite|\.Write|Manage|Create|Delete|Update|Send|FullControl|Impersonat/;

/** The application permissions in the token against those that the configuration needs, and those that nobody needs. */
export function checkRoles({ roles, needed, clientId }: RolePorts): Check[] {
  if (!roles) return [remark('permissions.roles', 'the token does not say what it may')];
  const missing = findMissingRoles(
    roles,
    needed.map(({ role }) => role),
    clientId,
  );
  const uses = needed.filter(({ role }) => missing?.missing.includes(role)).map(({ role, use }) => `${role} (${use})`);
  const writes = roles.filter((role) => WRITES.test(role));
  const page = `Entra admin centre, App registrations, ${clientId}, API permissions`;
  return [
    missing
      ? wrong(
          'permissions.roles',
          `missing: ${missing.missing.join(', ')}; for: ${uses.join(', ')}`,
          missing.explanation,
        )
      : fine('permissions.roles', `all that are needed (${needed.map(({ role }) => role).join(', ')})`),
    writes.length > 0
      ? remark('permissions.beyond', `more than reading was granted: ${writes.join(', ')}`, `remove them: ${page}`)
      : fine('permissions.beyond', `nothing but reading was granted (${roles.join(', ') || 'nothing at all'})`),
  ];
}
