/** Events of entra. Codes are an interface: alerts match on them. */
export const entraEvents = {
  'entra.token.acquired': { level: 'info', text: 'a new Entra access token was acquired' },
  'entra.token.failed': { level: 'error', text: 'no Entra access token could be acquired' },
  'entra.token.kept': {
    level: 'warn',
    text: 'the Entra access token could not be renewed, the old one is still valid',
  },
  'entra.token.challenged': { level: 'info', text: 'Graph refused the access token, another one is asked for' },
  'entra.call.retried': { level: 'info', text: 'a call to Entra or Graph failed and is repeated' },
  'entra.call.failed': { level: 'warn', text: 'a call to Entra or Graph failed for good' },
  'entra.outage.began': {
    level: 'error',
    text: 'Entra or Graph is unwell as a whole; nothing is asked until it is tried again',
  },
  'entra.outage.lasts': { level: 'info', text: 'Entra or Graph was tried again and is still unwell' },
  'entra.outage.ended': { level: 'warn', text: 'Entra and Graph answer again' },
  'entra.batch.retried': { level: 'info', text: 'some items of a Graph batch were refused for now and are repeated' },
  'entra.group.unknown': { level: 'warn', text: 'a configured group could not be read' },
  'entra.scope.read': { level: 'info', text: 'everything in scope was listed' },
  'entra.upn.ambiguous': { level: 'warn', text: 'more than one user answers to this user principal name' },
} as const;
