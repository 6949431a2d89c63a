import { defaulted, secretInPart } from '../setting.js';
import { noProxy, proxySecrets, proxyUrl, shownProxy } from '../types/proxy.js';

/** How the outside is reached. */
export const networkSettings = {
  HTTPS_PROXY: secretInPart(
    proxyUrl(),
    { secretsIn: proxySecrets, shownAs: shownProxy },
    {
      about:
        'Proxy for everything that goes to Microsoft: sign-in, Graph, Event Hubs, and the test of the public address. Never for Proxmox. Also as https_proxy. A user and password in it are masked wherever it is shown.',
      example: 'http://proxy.example.com:3128',
    },
  ),
  NO_PROXY: defaulted(noProxy(), '', {
    about:
      'Hosts that are reached without the proxy: names (each with everything below it), addresses, subnets, each with an optional :port; * for all. Also as no_proxy.',
    example: 'example.internal,10.0.0.0/8',
  }),
};
