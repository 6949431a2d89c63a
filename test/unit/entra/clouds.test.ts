import { describe, expect, it } from 'vitest';
import { Rejected } from '../../../src/domain/errors.js';
import { clouds, graphRoot, scopeOf } from '../../../src/entra/clouds.js';

describe('clouds', () => {
  it.each([
    ['global', 'https://graph.microsoft.com/.default'],
    ['usgov', 'https://graph.microsoft.us/.default'],
    ['dod', 'https://dod-graph.microsoft.us/.default'],
    ['china', 'https://microsoftgraph.chinacloudapi.cn/.default'],
  ] as const)('asks in the %s cloud for the scope of its own Graph', (cloud, scope) => {
    expect(scopeOf(clouds[cloud].graphBaseUrl)).toBe(scope);
  });

  it('takes a base URL with version, without version and behind the path of a proxy', () => {
    expect(graphRoot('https://graph.microsoft.com')).toMatchObject({ pathPrefix: '/v1.0/', version: 'v1.0' });
    expect(graphRoot('https://graph.microsoft.com/v1.0/')).toMatchObject({
      base: 'https://graph.microsoft.com',
      pathPrefix: '/v1.0/',
    });
    expect(graphRoot('https://proxy.test:8443/ms/graph')).toEqual({
      base: 'https://proxy.test:8443/ms/graph',
      version: 'v1.0',
      origin: 'https://proxy.test:8443',
      pathPrefix: '/ms/graph/v1.0/',
    });
  });

  it.each(['http://graph.microsoft.com', 'graph.microsoft.com', 'https://a:b@graph.test', 'https://graph.test/?x=1'])(
    'refuses %s as a base URL',
    (url) => {
      expect(() => graphRoot(url)).toThrow(Rejected);
    },
  );
});
