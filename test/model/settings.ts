/** What every world of the model has in common. Nothing here comes from the product. */
export const REALM = 'entra';
export const CONFIRM_MS = 5000;
export const HOUR_MS = 3_600_000;
export const DELETE_AFTER_MS = 24 * HOUR_MS;
export const GUARD_WINDOW_MS = HOUR_MS;
/** How long an approval lasts, and some time for what it began. */
export const APPROVAL_MS = HOUR_MS + 60_000;

/** `team` is no configured group: who is in it counts only while it is nested in `everybody`. */
export const GROUPS = ['everybody', 'admins', 'lab', 'team'] as const;
export type GroupName = (typeof GROUPS)[number];
export const CONFIGURED: readonly GroupName[] = ['everybody', 'admins', 'lab'];

/** The PVE groups that are managed, without the realm; the first is everybody's who is looked after. */
export const BASE_GROUP = 'entramox';
export const PVE_GROUPS = [BASE_GROUP, 'PVEAuditor', 'Administrator', 'PVEVMUser.vms'] as const;

/** People whom Entra has from the beginning. Several of them want one Unix name, some a name that nobody can have. */
export const FIRST_UPNS = [
  'ann@example.com',
  'ann@example.org',
  'b.c@example.com',
  'b_c@example.com',
  'dora@example.com',
  'eve@example.com',
  'Frank@example.com',
  'gina@example.com',
  'root@example.com',
  "o'neil@example.com",
] as const;

/** What people may be renamed to, or hired as; some hold what no target can. */
export const MORE_UPNS = [
  'ann@example.com',
  'Ann@example.com',
  'bob@example.com',
  'b_c@example.com',
  'carl@example.com',
  'dora@example.com',
  'Dora@example.com',
  'eve@example.com',
  'frank@example.com',
  'hanna@example.com',
  'ida@example.com',
  'jo@example.com',
  'ALL@example.com',
  'guest_elsewhere.net#EXT#@example.com',
  'comma,name@example.com',
  'Jörg@example.com',
  `long.${'x'.repeat(60)}@example.com`,
  'z@example.com',
] as const;

/** Unix names that somebody else has on the host. */
export const FOREIGN_ACCOUNTS = ['eve', 'hanna'] as const;
/** Users who stand in the realm already and are nobody's. */
export const FOREIGN_USERS = ['dora@example.com', 'carl@example.com', 'stranger@example.net'] as const;
