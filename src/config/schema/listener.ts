import { defaulted, optional } from '../setting.js';
import { duration } from '../types/duration.js';
import { addressRanges, host, httpsUrl, trustProxy } from '../types/network.js';
import { absolutePath, integer } from '../types/scalars.js';
import { cron } from '../types/time.js';

const HOUR_MS = 3_600_000;

/** Where notifications of Graph come in, and how the subscriptions behind them are kept. */
export const listenerSettings = {
  PUBLIC_URL: optional(httpsUrl('the public address of the listener'), {
    about:
      'What Graph calls: {PUBLIC_URL}/graph/notifications and {PUBLIC_URL}/graph/lifecycle. Needed by the listener.',
    example: 'https://entramox.example.com',
  }),
  LISTEN_HOST: defaulted(host(), '127.0.0.1', {
    about: 'Address on which the listener listens, normally behind a reverse proxy.',
    example: '0.0.0.0',
  }),
  LISTEN_PORT: defaulted(integer(0, 65_535), '8787', {
    about: 'Port on which the listener listens. 0: any free one.',
    example: '8443',
  }),
  LISTEN_TLS_CERT_FILE: optional(absolutePath('a certificate chain in PEM form'), {
    about: 'TLS of its own, without a reverse proxy: the certificate with its chain.',
    example: '/etc/entramox/tls/fullchain.pem',
  }),
  LISTEN_TLS_KEY_FILE: optional(absolutePath('a private key in PEM form'), {
    about: 'TLS of its own: the private key, readable by the listener.',
    example: '/etc/entramox/tls/privkey.pem',
  }),
  TRUST_PROXY: defaulted(trustProxy(), 'false', {
    about:
      'Whose X-Forwarded-For is believed, for logs and for GRAPH_ADDRESSES: nobody, a number of proxies, or addresses and subnets.',
    example: 'loopback',
  }),
  GRAPH_ADDRESSES: defaulted(addressRanges("Graph's own addresses"), '', {
    about:
      'Allow-list: only these addresses may send notifications, all others get 403. Empty: everybody. Microsoft publishes its addresses without a feed and changes them without notice: a list that is out of date loses notifications until the next catch-up.',
    example: '52.159.23.209,2603:1000::/24',
  }),
  SUBSCRIPTION_CRON: defaulted(cron(), '*/15 * * * *', {
    about: 'When the subscriptions are looked after.',
    example: '*/5 * * * *',
  }),
  SUBSCRIPTION_LIFETIME: defaulted(duration({ minMs: HOUR_MS, maxMs: 28 * 24 * HOUR_MS }), '3d', {
    about: 'Lifetime that is asked for; renewed at half of it.',
    example: '7d',
  }),
};
