/** Events of start, stop and configuration. Codes are an interface: alerts match on them. */
export const coreEvents = {
  'core.started': { level: 'info', text: 'started' },
  'core.stopping': { level: 'info', text: 'stopping' },
  'core.stopped': { level: 'info', text: 'stopped' },
  'core.fatal': { level: 'error', text: 'stopped by an error' },
  'config.deprecated': { level: 'warn', text: 'an old name is used in the configuration' },
  'config.insecure': { level: 'warn', text: 'a setting that weakens security, or is meant for tests only, is in use' },
  'config.notice': { level: 'warn', text: 'the configuration is accepted with a remark' },
  'config.invalid': { level: 'error', text: 'the configuration cannot be used' },
} as const;
