import { Rejected } from '../../domain/errors.js';
import { LIFECYCLE_PATH, NOTIFICATIONS_PATH } from '../paths.js';

/** What Graph calls. */
export interface PublicUrls {
  notifications: string;
  lifecycle: string;
}

/** Both addresses below PUBLIC_URL. Throws Rejected for what Graph would refuse: anything but https. */
export function publicUrls(publicUrl: string): PublicUrls {
  if (!/^https:\/\/[^/?#]+[^?#]*$/i.test(publicUrl)) {
    throw new Rejected(`PUBLIC_URL must be https without a query, as in https://hooks.example.org, not ${publicUrl}`);
  }
  const base = publicUrl.replace(/\/+$/, '');
  return { notifications: base + NOTIFICATIONS_PATH, lifecycle: base + LIFECYCLE_PATH };
}
