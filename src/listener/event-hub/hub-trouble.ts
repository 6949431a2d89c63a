import { messageOf } from '../../domain/errors.js';

/** Why a hub cannot be read, and what an operator can do. */
export interface HubTrouble {
  /** `position`: where we want to go on from does not exist in the hub. `taken`: somebody else reads in our place. */
  kind: 'refused' | 'not-found' | 'taken' | 'position' | 'away';
  text: string;
}

/** An error of the Event Hubs client in words. Those of several attempts come wrapped; the last one tells. */
export function explainHubTrouble(error: unknown, consumerGroup: string): HubTrouble {
  const cause = lastOf(error);
  const code = codeOf(cause);
  const text = messageOf(cause).replaceAll(/\s+/g, ' ').slice(0, 300) || code || 'no reason given';
  switch (code) {
    case 'UnauthorizedError':
    case 'InvalidSignature':
      return {
        kind: 'refused',
        text: `${text} (grant the role Azure Event Hubs Data Receiver, or check the Listen key)`,
      };
    case 'MessagingEntityNotFoundError':
      return { kind: 'not-found', text: `${text} (check EVENTHUB_NAME and EVENTHUB_CONSUMER_GROUP)` };
    case 'ReceiverDisconnectedError':
      return {
        kind: 'taken',
        text: `somebody else reads with the consumer group ${consumerGroup}: give each installation one of its own (EVENTHUB_CONSUMER_GROUP)`,
      };
    case 'ArgumentError':
    case 'ArgumentOutOfRangeError':
      return /offset|sequence/i.test(text) ? { kind: 'position', text } : { kind: 'away', text };
    default:
      return { kind: 'away', text: code && !text.includes(code) ? `${text} (${code})` : text };
  }
}

/** The last of several errors that the client wraps, since the wrapping says nothing itself. */
export function lastOf(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? lastOf(error.errors.at(-1)) : error;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
