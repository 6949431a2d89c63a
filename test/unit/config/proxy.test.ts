import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../src/config/load.js';
import { redactText } from '../../../src/telemetry/redact.js';
import { load, problemsWith, temporaryFile, workingEnv } from './fixture.js';

const PASSWORD = 'tr0ub4dor&3/x';
const WITH_PASSWORD = `http://svc:${encodeURIComponent(PASSWORD)}@proxy.example.com:3128`;
const shownOf = (loaded: ReturnType<typeof load>, name: string) => loaded.shown.find((row) => row.name === name)?.value;

describe('HTTPS_PROXY', () => {
  it.each([
    ['http://proxy.example.com:3128', 'http://proxy.example.com:3128'],
    ['http://proxy.example.com:3128/', 'http://proxy.example.com:3128'],
    ['proxy.example.com:3128', 'http://proxy.example.com:3128'],
    ['proxy:3128', 'http://proxy:3128'],
    ['https://proxy.example.com', 'https://proxy.example.com'],
    ['http://[fd00::1]:3128', 'http://[fd00::1]:3128'],
    [WITH_PASSWORD, WITH_PASSWORD],
  ])('takes %s', (text, url) => {
    expect(load({ HTTPS_PROXY: text }).settings.proxy).toEqual({ url, noProxy: [] });
  });

  it.each([
    'socks5://proxy:1080',
    'ftp://proxy',
    'http://proxy:3128/path',
    'http://proxy:3128?x=1',
    'http://proxy:99999',
    'http://',
    'http://a,b:3128',
    'http://svc:100%@proxy:3128',
  ])('refuses %s', (text) => {
    const [problem] = problemsWith({ HTTPS_PROXY: text });

    expect(problem).toMatchObject({
      key: 'HTTPS_PROXY',
      expected: expect.stringContaining('http://[user:password@]host'),
    });
  });

  it('does not show the password of one that is refused', () => {
    const problems = [
      ...problemsWith({ HTTPS_PROXY: `socks5://svc:${PASSWORD}@proxy:1080` }),
      ...problemsWith({ HTTPS_PROXY: `http://svc:${PASSWORD}%%@proxy:1 080` }),
      // What URL takes for a port and a path.
      ...problemsWith({ HTTPS_PROXY: `http://svc:4711/${PASSWORD}@proxy:1080` }),
    ];

    expect(problems).toHaveLength(3);
    expect(JSON.stringify(problems)).not.toContain(PASSWORD);
    expect(JSON.stringify(problems)).not.toContain('4711');
  });

  it('is as good in small letters, without a word about an old name', () => {
    const loaded = load({ https_proxy: 'http://proxy:3128', no_proxy: 'example.org' });

    expect(loaded.settings.proxy).toEqual({
      url: 'http://proxy:3128',
      noProxy: [{ kind: 'name', name: 'example.org' }],
    });
    expect(loaded.deprecations).toEqual([]);
  });

  it('must be the same in both cases', () => {
    expect(problemsWith({ https_proxy: 'http://one:1', HTTPS_PROXY: 'http://two:2' })[0]?.expected).toContain(
      'the same value as HTTPS_PROXY',
    );
    expect(load({ https_proxy: 'http://one:1', HTTPS_PROXY: 'http://one:1' }).settings.proxy?.url).toBe('http://one:1');
  });

  it('is shown with everything but user and password, and these are masked wherever they appear', () => {
    const loaded = load({ HTTPS_PROXY: WITH_PASSWORD });

    const text = redactText(
      [`a ${PASSWORD} b`, WITH_PASSWORD, Buffer.from(`svc:${PASSWORD}`).toString('base64')].join(' '),
    );

    expect(shownOf(loaded, 'HTTPS_PROXY')).toBe('http://[redacted]@proxy.example.com:3128');
    expect(text).not.toContain(PASSWORD);
    expect(text).not.toContain(encodeURIComponent(PASSWORD));
    expect(text).toContain('proxy.example.com:3128');
    expect(text).not.toMatch(/c3Zj/);
  });

  it('may stand in a file of its own, as any secret', () => {
    const path = temporaryFile('https-proxy', `${WITH_PASSWORD}\n`);

    const loaded = load({ HTTPS_PROXY_FILE: path });

    expect(loaded.settings.proxy?.url).toBe(WITH_PASSWORD);
    expect(shownOf(loaded, 'HTTPS_PROXY')).toBe('http://[redacted]@proxy.example.com:3128');
  });

  it('makes the configuration file a secret one only where it holds a password', () => {
    const { ENTRA_CLIENT_SECRET, ...env } = workingEnv();
    const settingsFrom = (text: string) =>
      loadSettings({
        env: { ...env, ENTRA_CLIENT_SECRET },
        command: 'run',
        configFile: temporaryFile('entramox.env', text, 0o644),
      });

    expect(settingsFrom('HTTPS_PROXY=http://proxy:3128\n').settings.proxy?.url).toBe('http://proxy:3128');
    expect(() => settingsFrom(`HTTPS_PROXY=${WITH_PASSWORD}\n`)).toThrow('since it holds HTTPS_PROXY');
  });

  it('is nobody without it, whatever NO_PROXY and HTTP_PROXY say', () => {
    expect(load({ NO_PROXY: 'example.org', HTTP_PROXY: 'http://proxy:3128' }).settings.proxy).toBeUndefined();
  });
});

describe('NO_PROXY', () => {
  it('names every wrong entry at once', () => {
    const [problem] = problemsWith({ NO_PROXY: 'example.org, 10.0.0.0/64 <local> fd00::/8 1.2.3' });

    expect(problem?.expected).toContain('not so: 10.0.0.0/64 <local> 1.2.3');
  });
});

describe('GRAPH_ADDRESSES', () => {
  it('takes addresses and subnets of both families', () => {
    const { settings } = load({
      GRAPH_ADDRESSES: '52.159.23.209, 20.20.32.0/19 2603:1000::/24',
      TRUST_PROXY: 'loopback',
    });

    expect(settings.listener.graphAddresses).toEqual([
      { address: '52.159.23.209', bits: 32, family: 'ipv4' },
      { address: '20.20.32.0', bits: 19, family: 'ipv4' },
      { address: '2603:1000::', bits: 24, family: 'ipv6' },
    ]);
  });

  it('names every wrong entry at once', () => {
    const wrong = '1.2.3 5.6.7.8/33 graph.microsoft.com fe80::1%eth0 ::/129 1.2.3.4/8/8 1.2.3.4/';
    const [problem] = problemsWith({ GRAPH_ADDRESSES: `52.159.23.209 ${wrong}`, TRUST_PROXY: 'loopback' });

    expect(problem?.expected).toContain(`not so: ${wrong}`);
  });

  it('asks who the reverse proxy is, since everything seems to come from it otherwise', () => {
    const problems = problemsWith({ GRAPH_ADDRESSES: '52.159.23.209' });

    expect(problems.map(({ key }) => key)).toEqual(['TRUST_PROXY']);
    expect(load({ GRAPH_ADDRESSES: '52.159.23.209', LISTEN_HOST: '0.0.0.0' }).settings.listener.trustProxy).toBe(false);
  });

  it('is remarked upon where any request may claim any address', () => {
    const { notices } = load({ GRAPH_ADDRESSES: '52.159.23.209', TRUST_PROXY: 'true' });

    expect(notices.map(({ key }) => key)).toContain('GRAPH_ADDRESSES');
  });
});
