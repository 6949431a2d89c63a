import { defaulted, optional } from '../setting.js';
import { words } from '../types/lists.js';
import { loopbackHost } from '../types/network.js';
import { absolutePath, choice, integer, socketPath } from '../types/scalars.js';
import { valueType } from '../value-type.js';

/** Targets that this version writes to. */
export type TargetName = 'linux' | 'proxmox' | 'lakefs';

const TARGET_NAMES: readonly TargetName[] = ['linux', 'proxmox', 'lakefs'];

const targets = valueType('linux, proxmox, lakefs, or several separated by commas', (text, wrong) => {
  const entries = words(text.toLowerCase());
  const known = entries.filter((entry): entry is TargetName => TARGET_NAMES.some((name) => name === entry));
  return known.length === entries.length && known.length > 0 ? [...new Set(known)] : wrong();
});

/** What is written to, and where files are kept. */
export const generalSettings = {
  TARGETS: optional(targets, {
    about:
      'Systems that are written to. Without it those that are configured: linux, proxmox where PVE_API_TOKEN is set, and lakefs where LAKEFS_ENDPOINT is.',
    example: 'linux,proxmox',
  }),
  STATE_DIR: defaulted(absolutePath('a directory'), '/var/lib/entramox', {
    about: 'Ledger of the reconciler.',
    example: '/srv/entramox/state',
  }),
  LISTENER_STATE_DIR: defaulted(absolutePath('a directory'), '/var/lib/entramox-listener', {
    about: 'Subscriptions of the listener.',
    example: '/srv/entramox/listener',
  }),
  SPOOL_DIR: defaulted(absolutePath('a directory'), '/var/spool/entramox', {
    about: 'Queue between listener and reconciler.',
    example: '/srv/entramox/spool',
  }),
  LOG_DIR: defaulted(absolutePath('a directory'), '/var/log/entramox', {
    about: 'Audit log.',
    example: '/srv/entramox/log',
  }),
  RUN_DIR: defaulted(absolutePath('a directory'), '/run/entramox', {
    about: 'Sockets and locks, gone after a restart of the machine.',
    example: '/tmp/entramox-run',
  }),
  INTEGRITY: optional(choice('enforce', 'report'), {
    about:
      'enforce: do not start where somebody else than root could change program, policy or configuration. report: only tell of it. Without it enforced where the program is installed under /usr.',
    example: 'enforce',
  }),
  CA_FILE: optional(absolutePath('a PEM file of root certificates'), {
    about: 'Root certificates trusted beside the built-in ones, for proxies and sovereign clouds.',
    example: '/etc/ssl/certs/company-ca.pem',
  }),
};

/** What operators see. */
export const telemetrySettings = {
  LOG_LEVEL: defaulted(choice('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'), 'info', {
    about: 'Least severe level that is logged.',
    example: 'debug',
  }),
  OPERATOR_SOCKET: defaulted(socketPath(), '{RUN_DIR}/operator.sock', {
    about: 'Socket of the reconciler for the command line, /healthz, /readyz and /metrics.',
    example: '/run/entramox/operator.sock',
  }),
  LISTENER_SOCKET: defaulted(socketPath(), '/run/entramox-listener/listener.sock', {
    about: 'Socket of the listener for the command line, /healthz, /readyz and /metrics.',
    example: '/run/entramox-listener/listener.sock',
  }),
  METRICS_PORT: optional(integer(0, 65_535), {
    about: 'Serve /metrics, /healthz and /readyz of the reconciler on this loopback port as well.',
    example: '9464',
  }),
  LISTENER_METRICS_PORT: optional(integer(0, 65_535), {
    about: 'The same for the listener, where it is a process of its own.',
    example: '9465',
  }),
  METRICS_HOST: defaulted(loopbackHost(), '127.0.0.1', {
    about: 'Loopback address for METRICS_PORT and LISTENER_METRICS_PORT.',
    example: '::1',
  }),
};
