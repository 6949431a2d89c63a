import type { RuleContext } from './context.js';

const SHORTHANDS = [
  ['ENTRA_ALLUSERS_GROUP_ID', 'ENTRA_ALLUSERS_PVE_ROLE'],
  ['ENTRA_SUPERADMIN_GROUP_ID', 'ENTRA_SUPERADMIN_PVE_ROLE'],
] as const;

/** Role settings that are accepted and probably not what was meant. */
export function roleRules({ values, isGiven, notice }: RuleContext): void {
  for (const [group, role] of SHORTHANDS) {
    if (isGiven(role) && !isGiven(group)) notice('ignored', role, `${role} is ignored, since ${group} is not set.`);
  }
  const superAdmins = values.ENTRA_SUPERADMIN_GROUP_ID;
  if (superAdmins !== undefined && superAdmins === values.ENTRA_ALLUSERS_GROUP_ID) {
    notice(
      'insecure',
      'ENTRA_SUPERADMIN_GROUP_ID',
      'The group of all users and that of the super-admins are the same: everybody in it is a super-admin.',
    );
  }
}
