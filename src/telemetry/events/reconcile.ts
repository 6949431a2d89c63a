/** Events of reconciles, sweeps and the guard. Codes are an interface: alerts match on them. */
export const reconcileEvents = {
  'reconcile.step.done': { level: 'info', text: 'a step was applied' },
  'reconcile.step.failed': { level: 'error', text: 'a step failed' },
  'reconcile.identity.settled': { level: 'info', text: 'an identity was reconciled' },
  'reconcile.identity.retried': { level: 'warn', text: 'an identity will be tried again' },
  'reconcile.identity.parked': { level: 'error', text: 'an identity failed too often and waits for a person' },
  'reconcile.identity.conflict': { level: 'warn', text: 'a conflict needs a decision' },
  'reconcile.guard.held': { level: 'error', text: 'the guard holds a plan until it is approved' },
  'reconcile.guard.approved': { level: 'warn', text: 'an operator approved a held plan' },
  'reconcile.source.unavailable': {
    level: 'error',
    text: 'the directory cannot be read; nothing is concluded from it',
  },
  'reconcile.group.unreadable': {
    level: 'error',
    text: 'a configured group could not be read; nobody in it is removed',
  },
  'reconcile.group.emptied': { level: 'warn', text: 'a group that had members reads empty and is read again' },
  'reconcile.proxmox.realm.missing': { level: 'error', text: 'Proxmox does not have the realm; nobody is made there' },
  'reconcile.proxmox.group.missing': { level: 'error', text: 'a Proxmox group that a role needs does not exist' },
  'reconcile.sweep.started': { level: 'info', text: 'a sweep began' },
  'reconcile.sweep.finished': { level: 'info', text: 'a sweep ended' },
  'reconcile.sweep.failed': { level: 'error', text: 'a sweep failed' },
  'reconcile.ledger.broken': { level: 'error', text: 'the ledger cannot be used; nothing is done until it is mended' },
  'reconcile.loop.failed': { level: 'error', text: 'the queue could not be worked on and is tried again' },
} as const;
