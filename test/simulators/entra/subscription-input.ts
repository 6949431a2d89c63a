import { GraphFailure } from './errors.js';
import { parseResource, type SubscriptionRecord } from './subscription-store.js';

/** Just under 29 days, for users, groups and other directory objects. */
export const MAX_LIFETIME_MINUTES = 41_760;
const MIN_LIFETIME_MINUTES = 45;
const MAX_CLIENT_STATE = 128;
const TLS_VERSIONS = ['v1_0', 'v1_1', 'v1_2', 'v1_3'];
const CREATE_KEYS = new Set([
  'changeType',
  'notificationUrl',
  'lifecycleNotificationUrl',
  'resource',
  'expirationDateTime',
  'clientState',
  'includeResourceData',
  'encryptionCertificate',
  'encryptionCertificateId',
  'latestSupportedTlsVersion',
  'notificationUrlAppId',
]);

type CreateInput = Omit<SubscriptionRecord, 'id' | 'appId' | 'creatorId' | 'touchedAt'>;

/** The body of a creation; throws Graph's 400 for what is missing, unknown or out of range. */
export function readCreate(body: unknown, nowMs: number): CreateInput {
  const fields = objectOf(body, CREATE_KEYS);
  const changeType = requiredText(fields, 'changeType');
  const resource = requiredText(fields, 'resource');
  const watched = parseResource(resource);
  if (!watched) throw invalid(`Resource '${resource}' is not supported.`);
  checkChangeType(changeType, watched.id === undefined);
  if (fields.includeResourceData === true) throw invalid('Resource data is not available for users and groups.');
  const clientState = optionalText(fields, 'clientState');
  if (clientState && clientState.length > MAX_CLIENT_STATE)
    throw invalid(`The 'clientState' is longer than ${MAX_CLIENT_STATE} characters.`);
  const latestSupportedTlsVersion = optionalText(fields, 'latestSupportedTlsVersion') ?? 'v1_2';
  if (!TLS_VERSIONS.includes(latestSupportedTlsVersion))
    throw invalid(`Invalid 'latestSupportedTlsVersion' attribute: '${latestSupportedTlsVersion}'.`);
  const lifecycleNotificationUrl = optionalText(fields, 'lifecycleNotificationUrl');
  return {
    changeType,
    resource,
    watched,
    clientState,
    latestSupportedTlsVersion,
    notificationUrl: checkUrl(requiredText(fields, 'notificationUrl'), 'notificationUrl'),
    lifecycleNotificationUrl:
      lifecycleNotificationUrl && checkUrl(lifecycleNotificationUrl, 'lifecycleNotificationUrl'),
    expiresAt: checkExpiry(readDate(requiredText(fields, 'expirationDateTime')), nowMs),
  };
}

/** The body of a renewal: expiry, address, or both. */
export function readUpdate(body: unknown): { expiresAt?: number; notificationUrl?: string } {
  const fields = objectOf(body, new Set(['expirationDateTime', 'notificationUrl']));
  const expiry = optionalText(fields, 'expirationDateTime');
  const url = optionalText(fields, 'notificationUrl');
  if (expiry === undefined && url === undefined) throw invalid('Nothing to update.');
  return {
    ...(expiry !== undefined && { expiresAt: readDate(expiry) }),
    ...(url !== undefined && { notificationUrl: checkUrl(url, 'notificationUrl') }),
  };
}

/** The expiry that counts: raised to the least lifetime; throws above the longest. */
export function checkExpiry(expiresAt: number, nowMs: number): number {
  if (expiresAt <= nowMs) throw invalid('Subscription expiration must be in the future.');
  if (expiresAt > nowMs + MAX_LIFETIME_MINUTES * 60_000)
    throw invalid(`Subscription expiration can only be ${MAX_LIFETIME_MINUTES} minutes in the future.`);
  return Math.max(expiresAt, nowMs + MIN_LIFETIME_MINUTES * 60_000);
}

function checkChangeType(changeType: string, isCollection: boolean): void {
  const types = changeType.split(',').map((type) => type.trim().toLowerCase());
  const known = types.every((type) => ['created', 'updated', 'deleted'].includes(type));
  const refusedCreated = types.includes('created') && (types.length === 1 || !isCollection);
  if (!known || refusedCreated) throw invalid(`Invalid 'changeType' attribute: '${changeType}'.`);
}

function checkUrl(url: string, name: string): string {
  if (url.startsWith('EventHub:https://')) return url;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'https:' || parsed.hash !== '')
    throw invalid(`The '${name}' must be an https address: '${url}'.`);
  return url;
}

function readDate(text: string): number {
  const found = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(found)) throw invalid(`Invalid 'expirationDateTime' attribute: '${text}'.`);
  return found;
}

function objectOf(body: unknown, allowed: ReadonlySet<string>): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('The request body is missing.');
  for (const key of Object.keys(body)) if (!allowed.has(key)) throw invalid(`The property '${key}' cannot be set.`);
  return body as Record<string, unknown>;
}

function requiredText(fields: Record<string, unknown>, name: string): string {
  const value = optionalText(fields, name);
  if (value === undefined || value === '') throw invalid(`The property '${name}' is required.`);
  return value;
}

function optionalText(fields: Record<string, unknown>, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw invalid(`The property '${name}' must be a string.`);
  return value;
}

function invalid(message: string): GraphFailure {
  return new GraphFailure(400, 'InvalidRequest', message);
}
