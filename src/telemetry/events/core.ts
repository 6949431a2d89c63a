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
  'core.audit.head': { level: 'info', text: 'the head of the audit log, so that a cut of the log can be found' },
  'core.audit.unwritten': { level: 'error', text: 'something could not be written into the audit log; it stands here' },
  'config.credential.expiring': { level: 'warn', text: 'a certificate, secret or token ends soon' },
  'config.credential.expired': { level: 'error', text: 'a certificate, secret or token has ended' },
  'config.integrity.off': {
    level: 'info',
    text: 'owners and modes of program, policy and configuration are not enforced here',
  },
  'config.integrity.changed': { level: 'warn', text: 'the configuration is not what was sealed' },
  'core.idle': {
    level: 'warn',
    text: 'there is nothing to listen to with these change sources; this process does nothing',
  },
} as const;
