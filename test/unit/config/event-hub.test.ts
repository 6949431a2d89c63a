import { describe, expect, it } from 'vitest';
import { redactText } from '../../../src/telemetry/redact.js';
import { load, problemsWith, temporaryFile } from './fixture.js';

const KEY = 'a2V5LXRvLWxpc3Rlbi13aXRo';
const STRING = `Endpoint=sb://entramox-events.servicebus.windows.net/;SharedAccessKeyName=listen;SharedAccessKey=${KEY};EntityPath=changes`;
const HUB = {
  CHANGE_SOURCE: 'eventhub',
  PUBLIC_URL: undefined,
  EVENTHUB_NAMESPACE: 'entramox-events',
  EVENTHUB_NAME: 'changes',
  EVENTHUB_TENANT_DOMAIN: 'Example.com',
};

describe('the settings of an event hub', () => {
  it('need no PUBLIC_URL, and make the address that Graph is given', () => {
    const { settings } = load(HUB);

    expect(settings.sources).toEqual(['eventhub']);
    expect(settings.eventHub).toEqual({
      namespace: 'entramox-events.servicebus.windows.net',
      hub: 'changes',
      consumerGroup: '$Default',
      connectionString: undefined,
      notificationUrl:
        'EventHub:https://entramox-events.servicebus.windows.net/eventhubname/changes?tenantId=example.com',
      transport: undefined,
    });
  });

  it.each([
    ['global', 'servicebus.windows.net'],
    ['usgov', 'servicebus.usgovcloudapi.net'],
    ['dod', 'servicebus.usgovcloudapi.net'],
    ['china', 'servicebus.chinacloudapi.cn'],
  ])('complete the namespace for the cloud %s', (cloud, domain) => {
    const { settings } = load({ ...HUB, ENTRA_CLOUD: cloud });

    expect(settings.eventHub?.namespace).toBe(`entramox-events.${domain}`);
    expect(settings.eventHub?.notificationUrl).toContain(`https://entramox-events.${domain}/`);
  });

  it('take namespace and hub from a connection string', () => {
    const { settings } = load({
      ...HUB,
      EVENTHUB_NAMESPACE: undefined,
      EVENTHUB_NAME: undefined,
      EVENTHUB_CONNECTION_STRING: STRING,
    });

    expect(settings.eventHub).toMatchObject({
      namespace: 'entramox-events.servicebus.windows.net',
      hub: 'changes',
      connectionString: STRING,
    });
  });

  it('spell the keys of a connection string as the client knows them', () => {
    const spelled = STRING.replace('Endpoint', 'endpoint').replace('SharedAccessKey=', ' SHAREDACCESSKEY =');

    const { settings } = load({ ...HUB, EVENTHUB_CONNECTION_STRING: spelled });

    expect(settings.eventHub?.connectionString).toBe(STRING);
  });

  it('read the connection string from a file, mask its key everywhere, and show the rest', () => {
    const file = temporaryFile('eventhub-connection-string', STRING);

    const loaded = load({ ...HUB, EVENTHUB_CONNECTION_STRING_FILE: file });

    expect(loaded.settings.eventHub?.connectionString).toBe(STRING);
    expect(redactText(`a key ${KEY} in an error`)).not.toContain(KEY);
    const shown = loaded.shown.find(({ name }) => name === 'EVENTHUB_CONNECTION_STRING')?.value;
    expect(shown).toContain('entramox-events');
    expect(shown).not.toContain(KEY);
  });

  it('do not even open the connection string for the reconciler', () => {
    const { settings } = load(
      { ...HUB, EVENTHUB_CONNECTION_STRING_FILE: '/nonexistent/secret' },
      { command: 'reconcile' },
    );

    expect(settings.eventHub?.connectionString).toBeUndefined();
  });

  it('are all asked for at once where they are missing', () => {
    const problems = problemsWith({ CHANGE_SOURCE: 'eventhub' });

    expect(problems.map(({ key }) => key).sort()).toEqual([
      'EVENTHUB_NAME',
      'EVENTHUB_NAMESPACE',
      'EVENTHUB_TENANT_DOMAIN',
    ]);
  });

  it.each([
    ['EVENTHUB_NAME', { EVENTHUB_NAME: 'others', EVENTHUB_CONNECTION_STRING: STRING }],
    ['EVENTHUB_NAMESPACE', { EVENTHUB_NAMESPACE: 'others-there', EVENTHUB_CONNECTION_STRING: STRING }],
    ['EVENTHUB_NAMESPACE', { EVENTHUB_NAMESPACE: 'https://entramox-events.servicebus.windows.net' }],
    ['EVENTHUB_CONNECTION_STRING', { EVENTHUB_CONNECTION_STRING: 'Endpoint=https://example.com;SharedAccessKey=a' }],
    ['EVENTHUB_CONNECTION_STRING', { ENTRA_CLIENT_SECRET: undefined, GRAPH_ACCESS_TOKEN: 'ready-token' }],
    [
      'EVENTHUB_NOTIFICATION_URL',
      { EVENTHUB_NOTIFICATION_URL: 'https://example.com/eventhubname/changes?tenantId=a.b' },
    ],
    ['EVENTHUB_NOTIFICATION_URL', { EVENTHUB_NOTIFICATION_URL: 'EventHub:https://example.com/eventhubname/changes' }],
    ['EVENTHUB_TRANSPORT', { EVENTHUB_TRANSPORT: 'kafka' }],
    ['EVENTHUB_CONSUMER_GROUP', { EVENTHUB_CONSUMER_GROUP: 'a b' }],
  ])('refuse %s where it cannot work', (key, changes) => {
    const problems = problemsWith({ ...HUB, ...changes });

    expect(problems.map((problem) => problem.key)).toEqual([key]);
  });

  it('take the vault form whole', () => {
    const url = 'EventHub:https://my-vault.vault.azure.net/secrets/graph-sender?tenantId=example.com';

    const { settings } = load({ ...HUB, EVENTHUB_TENANT_DOMAIN: undefined, EVENTHUB_NOTIFICATION_URL: url });

    expect(settings.eventHub?.notificationUrl).toBe(url);
  });

  it('tell of what has no effect, and of what is not safe', () => {
    const unused = load({ EVENTHUB_NAME: 'changes' });
    const straight = load({ ...HUB, EVENTHUB_TRANSPORT: 'amqp', HTTPS_PROXY: 'http://proxy.example.com:3128' });
    const emulator = load({ ...HUB, EVENTHUB_CONNECTION_STRING: `${STRING};UseDevelopmentEmulator=true` });

    expect(unused.notices.map(({ key }) => key)).toContain('EVENTHUB_NAME');
    expect(straight.notices.find(({ key }) => key === 'EVENTHUB_TRANSPORT')?.text).toContain('TCP 5671');
    expect(emulator.notices.find(({ key }) => key === 'EVENTHUB_CONNECTION_STRING')?.kind).toBe('insecure');
  });
});
