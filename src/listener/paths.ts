/** Where Graph sends notifications, below the public URL. */
export const NOTIFICATIONS_PATH = '/graph/notifications';

/** Where Graph sends lifecycle events, below the public URL. */
export const LIFECYCLE_PATH = '/graph/lifecycle';
