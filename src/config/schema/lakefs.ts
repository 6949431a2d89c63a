import { defaulted, optional, secret } from '../setting.js';
import { listOf } from '../types/lists.js';
import { httpsUrl } from '../types/network.js';
import { line, pattern } from '../types/scalars.js';

/** Names of the lakeFS predecessor: understood and checked, not used by this version. */
export const lakefsSettings = {
  LAKEFS_ENDPOINT: optional(httpsUrl('the address of lakeFS'), {
    about: 'lakeFS. This version has no lakeFS target: these names are checked and otherwise ignored.',
    example: 'https://lakefs.example.com',
  }),
  LAKEFS_ACCESS_KEY_ID: optional(pattern(/^\S{1,256}$/, 'an access key id of lakeFS'), {
    about: 'Access key id.',
    example: 'AKIAIOSFODNN7EXAMPLE',
  }),
  LAKEFS_SECRET_ACCESS_KEY: secret(line('a secret access key of lakeFS'), {
    about: 'Secret access key.',
    example: 'secret-access-key-of-lakefs',
  }),
  GROUP_FILTER: defaulted(line('a shell pattern for group names'), '*', {
    about: 'Only groups whose name matches this pattern.',
    example: 'LakeFSProject*',
  }),
  LAKEFS_DEFAULT_POLICIES: defaulted(
    listOf('names of policies', (word) => (/^[\w@.:/+-]{1,256}$/.test(word) ? word : undefined)),
    'AuthManageOwnCredentials,FSReadAll',
    { about: 'Policies attached to new groups.', example: 'FSReadAll' },
  ),
};
