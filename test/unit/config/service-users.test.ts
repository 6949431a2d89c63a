import { describe, expect, it } from 'vitest';
import { serviceUids } from '../../../src/config/service-users.js';

describe('the users of the service', () => {
  it('are found by their names, and nobody else is', () => {
    const passwd = [
      'root:x:0:0:root:/root:/bin/bash',
      'entramox:x:991:991::/var/lib/entramox:/usr/sbin/nologin',
      'entramox-listener:x:992:992::/:/usr/sbin/nologin',
      'entramox2:x:1001:1001::/:/bin/sh',
    ].join('\n');

    expect(serviceUids(passwd)).toEqual([991, 992]);
  });

  it('are none on a machine without them', () => {
    expect(serviceUids('root:x:0:0:root:/root:/bin/bash\n')).toEqual([]);
  });
});
