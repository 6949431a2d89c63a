import { z } from 'zod';

const texts = z
  .array(z.string())
  .nullish()
  .transform((list) => list ?? []);

export const passwordCredential = z.object({
  keyId: z.string(),
  displayName: z.string().nullish(),
  endDateTime: z.string(),
  /** The first three characters of the secret. */
  hint: z.string().nullish(),
});

export const appRole = z.looseObject({
  id: z.string(),
  value: z.string().nullish(),
  isEnabled: z.boolean().nullish(),
});

const optionalClaim = z.looseObject({ name: z.string() });

/** An application (Graph v1.0), as far as it is looked at; null and absent are the same. */
export const application = z.object({
  id: z.string(),
  appId: z.string(),
  displayName: z.string(),
  tags: texts,
  signInAudience: z.string().nullish(),
  groupMembershipClaims: z.string().nullish(),
  web: z
    .object({ redirectUris: texts })
    .nullish()
    .transform((web) => web ?? { redirectUris: [] }),
  optionalClaims: z.looseObject({ idToken: z.array(optionalClaim).nullish() }).nullish(),
  appRoles: z
    .array(appRole)
    .nullish()
    .transform((roles) => roles ?? []),
  passwordCredentials: z
    .array(passwordCredential)
    .nullish()
    .transform((list) => list ?? []),
});

export type Application = z.infer<typeof application>;

export const APPLICATION_FIELDS =
  'id,appId,displayName,tags,signInAudience,groupMembershipClaims,web,optionalClaims,appRoles,passwordCredentials';

export const servicePrincipal = z.object({
  id: z.string(),
  appRoleAssignmentRequired: z.boolean().nullish(),
  tags: texts,
});

export type ServicePrincipal = z.infer<typeof servicePrincipal>;

export const appRoleAssignment = z.object({
  id: z.string(),
  principalId: z.string(),
  principalType: z.string().nullish(),
  principalDisplayName: z.string().nullish(),
  appRoleId: z.string(),
});

export type AppRoleAssignment = z.infer<typeof appRoleAssignment>;
