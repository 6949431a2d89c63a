import { describe, expect, it } from 'vitest';
import { Rejected } from '../../../src/domain/errors.js';
import { graphRoot } from '../../../src/entra/graph-root.js';

describe('graphRoot', () => {
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
