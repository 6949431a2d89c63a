import { describe, expect, it } from 'vitest';
import { readHostRule } from '../../../src/config/types/host-rule.js';
import { createOutbound } from '../../../src/entra/outbound.js';
import { createBypass } from '../../../src/entra/outbound-bypass.js';

const bypass = (entry: string, host: string, port = 443) => {
  const rule = readHostRule(entry);
  return createBypass(rule ? [rule] : [])(host, port);
};

describe('NO_PROXY', () => {
  it.each<[string, string, boolean]>([
    ['*', 'graph.microsoft.com', true],
    ['example.com', 'example.com', true],
    ['example.com', 'EXAMPLE.com.', true],
    ['Example.COM', 'a.b.example.com', true],
    ['.example.com', 'example.com', true],
    ['.example.com', 'a.example.com', true],
    ['*.example.com', 'a.example.com', true],
    ['example.com', 'notexample.com', false],
    ['example.com', 'example.com.evil.net', false],
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.30', false],
    ['10.0.0.0/8', '10.200.1.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '10.example.com', false],
    ['fd00::/8', '[fd12::1]', true],
    ['[::1]', '[::1]', true],
    ['::1', '[0:0:0:0:0:0:0:1]', true],
    ['::1', '[::2]', false],
    ['0.0.0.0/0', '[::1]', false],
  ])('%s and the host %s', (entry, host, expected) => {
    expect(bypass(entry, host)).toBe(expected);
  });

  it.each<[string, string, number, boolean]>([
    ['example.com:8443', 'a.example.com', 8443, true],
    ['example.com:8443', 'example.com', 443, false],
    ['10.0.0.0/8:443', '10.1.1.1', 443, true],
    ['10.0.0.0/8:443', '10.1.1.1', 444, false],
    ['[::1]:443', '[::1]', 443, true],
    ['[::1]:443', '[::1]', 444, false],
    ['*:8443', 'anything', 8443, true],
    ['*:8443', 'anything', 443, false],
  ])('%s and %s on port %d', (entry, host, port, expected) => {
    expect(bypass(entry, host, port)).toBe(expected);
  });

  it.each([
    '10.0.0.0/33',
    '1.2.3',
    '1.2.3.4.5',
    'a b',
    'ex ample',
    'http://proxy',
    'host:0',
    'host:99999',
    'host:',
    '[::1',
    '-x',
    '/8',
    '<local>',
  ])('does not take %s for a host', (entry) => {
    expect(readHostRule(entry)).toBeUndefined();
  });
});

describe('the way to a URL', () => {
  it('is told without the password, by host and port of the URL', async () => {
    const outbound = createOutbound({
      proxy: {
        url: 'http://svc:secret@proxy.example.com:3128',
        noProxy: [{ kind: 'name', name: 'example.org', port: 443 }],
      },
    });

    const ways = ['https://graph.microsoft.com/v1.0', 'https://hooks.example.org/x', 'wss://hooks.example.org:444'].map(
      outbound.proxyFor,
    );
    await outbound.close();

    const through = 'the proxy http://proxy.example.com:3128 (HTTPS_PROXY)';
    expect(ways).toEqual([through, undefined, through]);
  });

  it('is straight without a proxy', async () => {
    const outbound = createOutbound({});

    expect(outbound.proxyFor('https://graph.microsoft.com')).toBeUndefined();
    await outbound.close();
  });
});
