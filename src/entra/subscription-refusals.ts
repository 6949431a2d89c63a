import type { GraphError } from './graph-errors.js';
import type { CreateOutcome } from './subscription.js';

const GUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';

/**
 * What a refused POST /subscriptions means; undefined: nothing that the keeper of subscriptions can handle.
 * Graph tells these cases apart by status and text only (Graph: subscription-post-subscriptions, webhooks).
 */
export function readRefusal(
  error: GraphError,
  wanted: { resource: string; notificationUrl: string },
): CreateOutcome | undefined {
  const { status, code, graphMessage } = error;
  if (status === 409) return { kind: 'exists', existingId: existingId(graphMessage) };
  // Before the permissions: Graph hides both in an ExtensionError.
  if (saysNoObject(error)) return { kind: 'no-object', explanation: noObject(error, wanted.resource) };
  if (status === 403 || code === 'ExtensionError') {
    return { kind: 'forbidden', explanation: forbidden(error, wanted.resource) };
  }
  if (status === 400) {
    const cause = handshakeCause(graphMessage);
    if (cause) {
      const host = hostOf(wanted.notificationUrl);
      return {
        kind: 'endpoint-failed',
        explanation: `Graph tried ${host}: ${cause} (Graph: "${graphMessage.slice(0, 300)}")`,
      };
    }
  }
  return undefined;
}

function existingId(message: string): string | undefined {
  const named = new RegExp(`subscription id:? '?(${GUID})`, 'i').exec(message)?.[1];
  const all = message.match(new RegExp(GUID, 'gi')) ?? [];
  return (named ?? (all.length === 1 ? all[0] : undefined))?.toLowerCase();
}

/** The status of the directory's own answer stands in the text: `Operation: Create; Exception: [Status Code: NotFound; …]`. */
function saysNoObject({ status, code, graphMessage }: GraphError): boolean {
  if (status !== 404 && status !== 400 && code !== 'ExtensionError') return false;
  // Our own endpoint may answer 404 to the handshake, too.
  if (handshakeCause(graphMessage)) return false;
  return status === 404 || /status code:? '?notfound|resourcenotfound|does not exist/i.test(graphMessage);
}

function noObject({ graphMessage, code }: GraphError, resource: string): string {
  const said = `(Graph: ${code}${graphMessage ? `, "${graphMessage.slice(0, 300)}"` : ''})`;
  const [, collection, id] = /^\/?(users|groups)\/([^/]+)/i.exec(resource) ?? [];
  if (!id) return `Graph does not know ${resource} ${said}`;
  const [kind, setting] = /^users$/i.test(collection ?? '') ? ['user', 'ENTRA_USER_IDS'] : ['group', 'ENTRA_GROUP_IDS'];
  return (
    `there is no ${kind} ${id} in Entra ID: it was deleted, or the id is wrong. Take it out of the configuration ` +
    `(${setting}), or restore it; a new one may take minutes to be known everywhere ${said}`
  );
}

/**
 * Whether a refusal says that the expiry lies too far ahead, and how many minutes Graph allows (undefined: it does not
 * say so).
 */
export function readTooLong({ status, graphMessage }: GraphError): { minutes: number | undefined } | undefined {
  if (status !== 400) return undefined;
  const found = /expiration[^.]{0,80}?\b(?:only|not|at most|less|exceed|maximum)\b/i.test(graphMessage);
  if (!found) return undefined;
  const minutes = /(\d[\d,]*)\s*minutes/i.exec(graphMessage)?.[1];
  return { minutes: minutes === undefined ? undefined : Number(minutes.replaceAll(',', '')) };
}

function forbidden({ graphMessage, code }: GraphError, resource: string): string {
  const said = `(Graph: ${code}${graphMessage ? `, "${graphMessage.slice(0, 300)}"` : ''})`;
  if (/limit|quota|exceed|maximum|too many/i.test(graphMessage)) {
    return (
      'the quota of subscriptions is used up: Graph allows 100 for one app in one tenant and 1,000 for all apps of the ' +
      `tenant; watch /groups and /users as a whole, or delete what nobody needs (subscriptions list) ${said}`
    );
  }
  const needed = /^\/?groups/i.test(resource)
    ? 'GroupMember.Read.All, and Group.Read.All if that is not enough'
    : 'User.Read.All';
  return (
    `the app may not watch ${resource}: it needs the application permission ${needed}, with admin consent ` +
    `(Entra admin centre, App registrations, API permissions) ${said}`
  );
}

/** Which of the causes a failed handshake has; undefined: the text is about something else. */
function handshakeCause(message: string): string | undefined {
  if (!/validation ?request|validationToken|notification ?(endpoint|url)/i.test(message)) return undefined;
  if (/timed? ?out/i.test(message)) {
    return (
      'no answer within 10 seconds. The listener is not running or its address is wrong (PUBLIC_URL), a firewall drops ' +
      'the connection, or the reverse proxy does not hand the request on'
    );
  }
  if (/exactly match/i.test(message)) {
    return (
      'the answer was not the validation token. Something between answers itself (a sign-in page, an error page) or ' +
      'rewrites the query; /graph/ must reach the listener untouched'
    );
  }
  if (/certificate|ssl|tls|trust relationship/i.test(message)) {
    return 'the TLS certificate was not accepted. It needs a publicly trusted chain, intermediates included, and the right host name';
  }
  if (/could not be resolved|no such host|name resolution|\bDNS\b/i.test(message)) {
    return 'its name is not known to public DNS; check PUBLIC_URL';
  }
  const answered = /status code(?: is)?:? '?(\w+)/i.exec(message)?.[1];
  if (answered) return statusCause(answered);
  if (/200 OK/i.test(message)) {
    return 'it answered, but not with 200. A reverse proxy, a firewall with rules for HTTP, or a sign-in stands before the listener';
  }
  return 'the handshake failed; check that PUBLIC_URL reaches the listener from the internet';
}

function statusCause(answered: string): string {
  if (/forbidden|unauthorized|^40[13]$/i.test(answered)) {
    return (
      `refused with ${answered}. A web application firewall, a list of allowed addresses, a client certificate or a ` +
      'sign-in stands before the listener; /graph/ must be open to Microsoft Graph'
    );
  }
  if (/notfound|^404$/i.test(answered)) {
    return 'the path is not known there. The reverse proxy must hand /graph/ to the listener with the path unchanged';
  }
  if (/badgateway|serviceunavailable|gatewaytimeout|^50[234]$/i.test(answered)) {
    return `the reverse proxy answers ${answered}: it does not reach the listener (is it running, are host and port right?)`;
  }
  return `it answered ${answered} instead of 200`;
}

/** Event Hubs have an address of another kind, without a host. */
function hostOf(notificationUrl: string): string {
  const host = URL.canParse(notificationUrl) ? new URL(notificationUrl).host : '';
  return host || notificationUrl;
}
