import { Agent, request } from 'undici';
import type { Lab } from '../lab/lab.js';
import { labFile } from './lab-facts.js';
import { notificationOf, originOf } from './notification.js';

/** Graph's side of the wire, over a kept connection. */
export interface Knock {
  /** Resolves once the notification was answered 202. */
  post(oid: string): Promise<void>;
  close(): Promise<void>;
}

/** For the live subscription on users. */
export function knockAt(lab: Lab): Knock {
  const dispatcher = new Agent({ connect: { ca: labFile(lab, 'ca.pem') } });
  const origin = originOf(lab);
  return {
    async post(oid) {
      const { statusCode, body } = await request(`${lab.publicUrl}/graph/notifications`, {
        method: 'POST',
        dispatcher,
        headers: { 'content-type': 'application/json' },
        body: notificationOf(origin, oid),
      });
      await body.dump();
      if (statusCode !== 202) throw new Error(`the notification was answered ${statusCode}`);
    },
    close: () => dispatcher.close(),
  };
}
