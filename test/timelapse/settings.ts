/** What the installation in the time-lapse is set to; the product's own defaults where it has them. */
export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** SUBSCRIPTION_CRON, every quarter of an hour. */
export const TICK_MS = 15 * MINUTE_MS;
/** SUBSCRIPTION_LIFETIME. */
export const LIFETIME_MS = 3 * DAY_MS;
/** CATCHUP_INTERVAL. */
export const CATCH_UP_MS = 15 * MINUTE_MS;
/** For calls that are repeated, and for notifications that take their time. */
export const GRACE_MS = 3 * MINUTE_MS;
/** Orphans may stay this long while nothing hinders. */
export const ORPHAN_MS = HOUR_MS;

export const PUBLIC_URL = 'https://hooks.example.org';
export const NOTIFICATIONS_URL = `${PUBLIC_URL}/graph/notifications`;
export const LIFECYCLE_URL = `${PUBLIC_URL}/graph/lifecycle`;
/** Another service's endpoint under the same app registration. */
export const FOREIGN_URL = 'https://other.example.net/hooks';
