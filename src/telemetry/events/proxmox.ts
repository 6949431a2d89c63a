/** Events of proxmox. Codes are an interface: alerts match on them. */
export const proxmoxEvents = {
  'proxmox.call.retried': { level: 'warn', text: 'a call to Proxmox VE is tried again' },
  'proxmox.call.failed': { level: 'debug', text: 'a call to Proxmox VE failed' },
  'proxmox.rights.missing': { level: 'error', text: 'the API token lacks privileges in Proxmox VE' },
  'proxmox.listing.unreadable': { level: 'warn', text: 'Proxmox VE listed something that cannot be read' },
  'proxmox.user.created': { level: 'info', text: 'a Proxmox VE user was created' },
  'proxmox.user.updated': { level: 'info', text: 'a Proxmox VE user was updated' },
  'proxmox.user.inherited': {
    level: 'error',
    text: 'a new Proxmox user had groups at once that nobody gave it, and was deleted again',
  },
  'proxmox.user.differs': { level: 'error', text: 'a Proxmox VE user is not as it was written' },
  'proxmox.console.stopped': { level: 'info', text: 'an open console of somebody who was locked out was stopped' },
  'proxmox.console.kept': { level: 'warn', text: 'open consoles could not be looked at or stopped' },
  'proxmox.token-end.unknown': { level: 'debug', text: 'Proxmox VE could not be asked when our API token ends' },
  'proxmox.tokens.unreadable': { level: 'warn', text: 'what is known of the declared API tokens cannot be read' },
  'proxmox.token.expiring': { level: 'warn', text: 'a declared API token ends soon' },
  'proxmox.token.expired': { level: 'error', text: 'a declared API token has ended' },
  'proxmox.email.omitted': { level: 'warn', text: 'Proxmox VE cannot hold an e-mail address, so it was left out' },
} as const;
