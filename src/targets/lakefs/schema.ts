import { z } from 'zod';

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? undefined);

/** Far longer than any; one past it would only fill memory and messages. */
const id = z.string().min(1).max(1024);

/** One group. `id` may be opaque (lakeFS Cloud); `name` is what people see, and missing where it is the id. */
export const group = z
  .object({ id, name: text, description: text })
  .transform(({ id, name, description }) => ({ id, name: name || id, description: description ?? '' }));
export type LakefsGroup = z.output<typeof group>;

/** One user. Which of the fields are there depends on how people sign in. */
export const user = z
  .object({ id, friendly_name: text, email: text })
  .transform(({ id, friendly_name, email }) => ({ id, friendlyName: friendly_name, email }));
export type LakefsUser = z.output<typeof user>;

/** One policy; only its id matters here. */
export const policy = z.object({ id });

/** GET /user. */
export const currentUser = z.object({ user });

/** GET /auth/capabilities. */
export const capabilities = z
  .object({ invite_user: z.boolean().nullish() })
  .transform((answer) => ({ canInvite: answer.invite_user === true }));
export type LakefsCapabilities = z.output<typeof capabilities>;

/** GET /auth/groups/{groupId}/acl. */
export const acl = z.object({ permission: z.string() });

/** A page of a listing. Its items are read by the schema of their kind. */
export const page = z.object({
  results: z.array(z.unknown()),
  pagination: z.object({ has_more: z.boolean(), next_offset: z.string(), results: z.number().int() }),
});

/** An error's body. */
export const failure = z.object({ message: z.string(), no_acl: z.boolean().nullish() });
