/** Events of linux. Codes are an interface: alerts match on them. */
export const linuxEvents = {
  'linux.agent.connected': { level: 'debug', text: 'connected to the account agent' },
  'linux.agent.lost': { level: 'info', text: 'the account agent ended the connection' },
  'linux.agent.said': { level: 'warn', text: 'the account agent wrote to its error output' },
  'linux.agent.nonsense': { level: 'error', text: 'the account agent sent something that is no reply' },
  'linux.agent.note': { level: 'warn', text: 'the account agent could not do everything that a person might expect' },
  'linux.account.deleted': { level: 'info', text: 'an account was deleted and its home archived' },
} as const;
