import { defaulted, optional, secret } from '../setting.js';
import { duration } from '../types/duration.js';
import { httpsUrl } from '../types/network.js';
import { apiToken, realm } from '../types/proxmox.js';
import { absolutePath, boolean, choice } from '../types/scalars.js';
import { expiry } from '../types/time.js';

/** Proxmox VE users of one realm, over the REST API. */
export const proxmoxSettings = {
  REALM: optional(realm(), {
    about: 'The OpenID realm in Proxmox, exactly as it is written there. Needed by the proxmox target.',
    example: 'entra',
  }),
  PVE_API_URL: defaulted(httpsUrl('the address of the Proxmox API', /\/api2(?:\/json)?$/), 'https://127.0.0.1:8006', {
    about: 'The Proxmox API.',
    example: 'https://pve1.example.com:8006',
  }),
  PVE_API_TOKEN: secret(apiToken(), {
    about: 'API token as user@realm!id=secret. Turns the proxmox target on.',
    example: 'entramox@pve!sync=00000000-1111-2222-3333-444444444444',
  }),
  PVE_API_TOKEN_EXPIRES: optional(expiry(), {
    about: 'When the API token ends, where it was made with an expiry. Warned of 30, 7 and 1 days before.',
    example: '2027-11-22',
  }),
  PVE_CA_FILE: optional(absolutePath('a PEM file of root certificates'), {
    about:
      'Root certificate of the Proxmox API: a copy of /etc/pve/pve-root-ca.pem of a node, which only root can read there.',
    example: '/etc/entramox/pve-root-ca.pem',
  }),
  PVE_PROVISION: defaulted(choice('create', 'existing'), 'create', {
    about: 'create: users are made before their first login. existing: only those already in the realm are handled.',
    example: 'existing',
  }),
  PVE_STOP_TASKS: defaulted(boolean(), 'false', {
    about:
      'Also stop the open consoles of whoever is locked. The API token needs Sys.Audit and Sys.Modify on /nodes for it.',
    example: 'true',
  }),
  PVE_TIMEOUT: defaulted(duration({ minMs: 100, maxMs: 600_000 }), '30s', {
    about: 'Time-out of a single call to Proxmox.',
    example: '10s',
  }),
};
