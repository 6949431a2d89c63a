import { defaulted, optional, secretInPart } from '../setting.js';
import {
  connectionString,
  connectionStringSecrets,
  consumerGroup,
  hubName,
  hubNamespace,
  notificationUrl,
  shownConnectionString,
} from '../types/event-hub.js';
import { choice, pattern } from '../types/scalars.js';

/** The event hub that Graph sends to and we read, where `eventhub` is a change source. */
export const eventHubSettings = {
  EVENTHUB_NAMESPACE: optional(hubNamespace(), {
    about:
      'Event Hubs namespace, its name alone or the whole host name. The name alone is completed for ENTRA_CLOUD. Not needed beside a connection string.',
    example: 'entramox-events',
  }),
  EVENTHUB_NAME: optional(hubName(), {
    about: 'Event hub within the namespace. Not needed beside a connection string that names it (EntityPath).',
    example: 'changes',
  }),
  EVENTHUB_CONSUMER_GROUP: defaulted(consumerGroup(), '$Default', {
    about: 'Consumer group. Every installation that reads the same hub needs one of its own.',
    example: 'entramox-pve1',
  }),
  EVENTHUB_CONNECTION_STRING: secretInPart(
    connectionString(),
    { secretsIn: connectionStringSecrets, shownAs: shownConnectionString },
    {
      about:
        'Shared access key to read the hub with (right: Listen). Without it our own app registration is used, which needs the role Azure Event Hubs Data Receiver.',
      example:
        'Endpoint=sb://entramox-events.servicebus.windows.net/;SharedAccessKeyName=listen;SharedAccessKey=value;EntityPath=changes',
    },
  ),
  EVENTHUB_TENANT_DOMAIN: optional(pattern(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)+$/i, 'a domain'), {
    about:
      'Domain of the tenant that the Azure subscription of the hub belongs to; Graph needs it to send there. Part of the notification address, and not needed where that is given whole.',
    example: 'example.com',
  }),
  EVENTHUB_NOTIFICATION_URL: optional(notificationUrl(), {
    about:
      'Address that Graph is given, where it is not the usual one made of namespace, hub and domain: the Key Vault form, for Graph to send with a connection string that stands in a vault.',
    example: 'EventHub:https://entramox-vault.vault.azure.net/secrets/graph-sender?tenantId=example.com',
  }),
  EVENTHUB_TRANSPORT: optional(choice('amqp', 'websocket'), {
    about:
      'How the hub is reached: amqp (TCP 5671) or websocket (TCP 443). Without it amqp, and websocket where HTTPS_PROXY applies, since AMQP does not pass an HTTP proxy.',
    example: 'websocket',
  }),
};
