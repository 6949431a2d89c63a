import type { Lab } from '../lab/lab.js';

/** What a notification must carry to be believed. */
export interface Origin {
  subscriptionId: string;
  clientState: string;
  tenantId: string;
}

/** The live subscription on users, with the secret that only the listener and Graph know. */
export function originOf(lab: Lab): Origin {
  const found = lab.entra.subscriptions().find(({ watched }) => watched.collection === 'users' && !watched.id);
  if (!found?.clientState) throw new Error('there is no subscription on users');
  return { subscriptionId: found.id, clientState: found.clientState, tenantId: lab.entra.tenantId };
}

/** The body of a POST that reports a change of this user, as Graph words it. */
export function notificationOf({ subscriptionId, clientState, tenantId }: Origin, oid: string): string {
  return (
    `{"value":[{"changeType":"updated","clientState":"${clientState}","resource":"Users/${oid}",` +
    `"subscriptionExpirationDateTime":"2030-01-01T00:00:00-07:00","subscriptionId":"${subscriptionId}",` +
    `"tenantId":"${tenantId}","resourceData":{"@odata.type":"#Microsoft.Graph.User","@odata.id":"Users/${oid}",` +
    `"id":"${oid}","organizationId":"${tenantId}","eventTime":"2026-01-01T00:00:00.0000000Z",` +
    `"sequenceNumber":638900000000000001}}]}`
  );
}
