import { z } from 'zod';

/** PVE writes booleans as 0/1, as strings of these, as JSON booleans, and perl's false as the empty string. */
export const flag = z
  .union([z.boolean(), z.literal([0, 1, '0', '1', ''])])
  .transform((value) => value === true || value === 1 || value === '1');

export const seconds = z.union([
  z.number().int().nonnegative(),
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number),
]);

/** `a,b` in listings, an array in single answers; PVE may leave out what is empty. */
const names = z
  .union([z.array(z.string()), z.string().transform((list) => list.split(/[,;\s]+/).filter(Boolean))])
  .nullish()
  .transform((list) => (list ?? []).toSorted());

export const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');

/** GET /access/acl */
export const aclEntries = z.array(
  z.object({
    path: z.string(),
    type: z.enum(['user', 'group', 'token']),
    ugid: z.string(),
    roleid: z.string(),
    propagate: flag,
  }),
);

/**
 * One user. `enable` is required: nobody may be taken for disabled, or for enabled, by a missing field. Everything
 * else may be absent.
 */
const userFields = {
  enable: flag,
  /** Seconds since the epoch; 0: never. */
  expire: seconds.nullish().transform((value) => value ?? 0),
  comment: text,
  firstname: text,
  lastname: text,
  email: text,
  groups: names,
};

/** GET /access/users/{userid}; the answer does not repeat the userid. */
export const singleUser = z.object(userFields);
export type SingleUser = z.infer<typeof singleUser>;

/** One entry of GET /access/users?full=1. */
export const listedUser = z.object({ userid: z.string().min(1), ...userFields });
export type ListedUser = z.infer<typeof listedUser>;

/** One entry of GET /access/groups. */
export const listedGroup = z.object({ groupid: z.string().min(1), users: names });

/** GET /access/groups/{groupid}. */
export const singleGroup = z.object({ members: z.array(z.string()) });

/** A listing whose entries are looked at one by one, so that one odd entry does not hide the others. */
export const anyList = z.array(z.unknown());

/** GET /access/permissions: path -> privilege -> whether it propagates. */
export const permissionTree = z.record(z.string(), z.record(z.string(), flag));
export type PermissionTree = z.infer<typeof permissionTree>;

/** One entry of GET /nodes. */
export const clusterNode = z.object({ node: z.string().min(1), status: z.string().optional() });

/** One entry of GET /nodes/{node}/tasks. */
export const runningTask = z.object({ upid: z.string().min(1), type: z.string(), user: z.string() });
export type RunningTask = z.infer<typeof runningTask>;

/** GET /version. */
export const version = z.object({ version: z.string(), release: z.string().optional() });

/** GET /access/domains. */
export const domains = z.array(z.object({ realm: z.string(), type: z.string().optional() }));
