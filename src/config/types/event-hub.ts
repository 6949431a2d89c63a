import { type ValueType, valueType } from '../value-type.js';
import { pattern } from './scalars.js';

/** What a connection string says. */
export interface HubConnectionString {
  /** The whole of it: a secret. */
  text: string;
  /** Host name of the namespace in lower case, without a port. */
  host: string;
  /** EntityPath, where it names the hub. */
  hub: string | undefined;
  /** It asks for the emulator, which speaks AMQP without TLS. */
  plain: boolean;
}

/** A namespace: 6 to 50 letters, digits and hyphens (Event Hubs naming rules), or its whole host name. */
export function hubNamespace(): ValueType<string> {
  const expected = 'the name of an Event Hubs namespace, such as entramox-events, or its host name, without a scheme';
  return valueType(expected, (text, wrong) => {
    const lower = text.toLowerCase().replace(/\.$/, '');
    return /^[a-z][a-z0-9-]{4,48}[a-z0-9](?:(?:\.[a-z0-9-]{1,63}){2,})?$/.test(lower) ? lower : wrong();
  });
}

/** A hub: letters, digits, dots, hyphens and underscores. */
export function hubName(): ValueType<string> {
  return pattern(/^[a-z0-9](?:[a-z0-9._-]{0,254}[a-z0-9])?$/i, 'the name of an event hub');
}

export function consumerGroup(): ValueType<string> {
  return pattern(/^(?:\$Default|[a-z0-9](?:[a-z0-9._-]{0,48}[a-z0-9])?)$/i, 'the name of a consumer group');
}

/** `Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…[;EntityPath=…]`, or with a SharedAccessSignature. */
export function connectionString(): ValueType<HubConnectionString> {
  const expected =
    'the connection string of a shared access policy: Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…, with EntityPath=… for one hub';
  return valueType(expected, (text, wrong) => {
    const parts = new Map<string, string>();
    for (const part of text.split(';').filter((one) => one.trim() !== '')) {
      const equals = part.indexOf('=');
      if (equals < 1) return wrong();
      parts.set(part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim());
    }
    const host = /^sb:\/\/([a-z0-9.-]+)(?::\d{1,5})?\/?$/i.exec(parts.get('endpoint') ?? '')?.[1]?.toLowerCase();
    const byKey = Boolean(parts.get('sharedaccesskeyname') && parts.get('sharedaccesskey'));
    if (!host || byKey === Boolean(parts.get('sharedaccesssignature'))) return wrong();
    const plain = parts.get('usedevelopmentemulator')?.toLowerCase() === 'true';
    return { text: asTheClientSpells(text), host, hub: parts.get('entitypath') || undefined, plain };
  });
}

const KEYS = [
  'Endpoint',
  'SharedAccessKeyName',
  'SharedAccessKey',
  'SharedAccessSignature',
  'EntityPath',
  'UseDevelopmentEmulator',
];

/** Microsoft's client knows its keys in one spelling only. */
function asTheClientSpells(text: string): string {
  return text.replaceAll(/(^|;)\s*([a-z]+)\s*(?==)/gi, (all, before: string, name: string) => {
    const key = KEYS.find((known) => known.toLowerCase() === name.toLowerCase());
    return key === undefined ? all : before + key;
  });
}

const SECRET_PART = /(SharedAccess(?:Key|Signature)\s*=\s*)([^;]+)/gi;

/** What of a connection string nobody may see. */
export function connectionStringSecrets(text: string): string[] {
  const found = [...text.matchAll(SECRET_PART)].map(([, , secret = '']) => secret.trim());
  // What cannot be read is masked whole: a key may stand anywhere in it.
  return found.length > 0 ? found : [text];
}

/** A connection string as it may be shown. */
export function shownConnectionString(text: string): string {
  return text.search(SECRET_PART) !== -1 ? text.replaceAll(SECRET_PART, '$1[redacted]') : '[redacted]';
}

/** What Graph is told to send to: the hub itself, or a vault that holds the connection string (Graph: delivery by event hubs). */
export function notificationUrl(): ValueType<string> {
  const expected =
    'EventHub:https://<namespace>/eventhubname/<hub>?tenantId=<domain>, or EventHub:https://<vault>/secrets/<secret>?tenantId=<domain>';
  return valueType(expected, (text, wrong) => {
    const url = /^EventHub:/.test(text) && URL.canParse(text.slice(9)) ? new URL(text.slice(9)) : undefined;
    if (url?.protocol !== 'https:' || url.username || url.password || url.hash || /\s/.test(text)) return wrong();
    const known = /^\/(?:eventhubname|secrets)\/[^/]+(?:\/[^/]+)?$/.test(url.pathname);
    return known && url.searchParams.get('tenantId') ? text : wrong();
  });
}
