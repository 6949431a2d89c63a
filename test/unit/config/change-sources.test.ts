import { describe, expect, it } from 'vitest';
import { load, problemsWith } from './fixture.js';

const MINUTE = 60_000;
const noticesOf = (changes: Record<string, string | undefined>) =>
  load(changes, { command: 'reconcile' }).notices.map(({ kind, key }) => `${kind} ${key}`);

describe('the change sources', () => {
  it.each([
    ['webhook', { PUBLIC_URL: 'https://entramox.example.com' }, ['webhook']],
    ['nobody', { PUBLIC_URL: undefined }, []],
  ])('are %s where nothing is said, so that old configurations mean what they meant', (_, changes, sources) => {
    const { settings } = load(changes, { command: 'reconcile' });

    expect(settings.sources).toEqual(sources);
    expect(settings.catchUp.intervalMs).toBe(5 * MINUTE);
  });

  it.each([
    ['poll', ['poll']],
    [' Poll, webhook ', ['webhook', 'poll']],
    ['webhook,webhook', ['webhook']],
  ])('are read from %j', (text, sources) => {
    expect(load({ CHANGE_SOURCE: text }).settings.sources).toEqual(sources);
  });

  it.each(['push', 'poll,push', ','])('cannot be %j', (text) => {
    const problems = problemsWith({ CHANGE_SOURCE: text });

    expect(problems.map(({ key }) => key)).toEqual(['CHANGE_SOURCE']);
    expect(problems[0]?.expected).toContain('webhook, eventhub');
  });

  it.each([
    [{}, 5 * MINUTE],
    [{ CATCHUP_INTERVAL: '2m' }, 2 * MINUTE],
    [{ CHANGE_SOURCE: 'webhook', POLL_INTERVAL: '10s' }, 5 * MINUTE],
    [{ CHANGE_SOURCE: 'poll' }, MINUTE],
    [{ CHANGE_SOURCE: 'webhook,poll', POLL_INTERVAL: '20s' }, 20_000],
    [{ CHANGE_SOURCE: 'poll', CATCHUP_INTERVAL: '30s' }, 30_000],
  ])('make Graph be asked as often as the shorter interval that counts says: %j', (changes, intervalMs) => {
    expect(load(changes, { command: 'reconcile' }).settings.catchUp).toEqual({ intervalMs });
  });

  it('need no public address where nothing is pushed', () => {
    const { settings } = load({ CHANGE_SOURCE: 'poll', PUBLIC_URL: undefined }, { command: 'run' });
    const listening = load({ CHANGE_SOURCE: 'poll', PUBLIC_URL: undefined }, { command: 'listen' });

    expect([settings.listener.publicUrl, listening.settings.sources]).toEqual([undefined, ['poll']]);
  });

  it('need one where webhook is named, whatever else is', () => {
    const problems = problemsWith({ CHANGE_SOURCE: 'webhook,poll', PUBLIC_URL: undefined }, { command: 'run' });

    expect(problems.map(({ key }) => key)).toEqual(['PUBLIC_URL']);
    expect(problems[0]?.expected).toContain('CHANGE_SOURCE=poll');
  });

  it('do not look for the certificate of a listener that does not listen', () => {
    const files = { LISTEN_TLS_CERT_FILE: '/nonexistent/crt', LISTEN_TLS_KEY_FILE: '/nonexistent/key' };

    expect(load({ CHANGE_SOURCE: 'poll', ...files }).settings.sources).toEqual(['poll']);
    expect(problemsWith(files).map(({ key }) => key)).toContain('LISTEN_TLS_CERT_FILE');
  });

  it('remark on what is set for nothing', () => {
    expect(noticesOf({ CHANGE_SOURCE: 'poll' })).toContain('ignored PUBLIC_URL');
    expect(noticesOf({ POLL_INTERVAL: '30s' })).toContain('ignored POLL_INTERVAL');
    expect(noticesOf({})).toEqual([]);
  });
});
