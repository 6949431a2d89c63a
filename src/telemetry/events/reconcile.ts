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
  'reconcile.guard.unsaved': {
    level: 'error',
    text: 'an approval is in memory alone, since the ledger cannot be written: a restart would forget it',
  },
  'reconcile.guard.rejected': { level: 'warn', text: 'an operator rejected a held plan; nobody in it loses anything' },
  'reconcile.clock.confirmed': { level: 'warn', text: 'an operator said that the clock is right' },
  'reconcile.first.waiting': { level: 'warn', text: 'the first run on this host waits for approval' },
  'reconcile.source.unavailable': {
    level: 'error',
    text: 'the directory cannot be read; nothing is concluded from it',
  },
  'reconcile.problem.began': { level: 'error', text: 'something as a whole is unwell; status tells it while it lasts' },
  'reconcile.problem.ended': { level: 'warn', text: 'something that was unwell as a whole is well again' },
  'reconcile.group.unreadable': {
    level: 'error',
    text: 'a configured group could not be read; nobody in it is removed',
  },
  'reconcile.tree.unread': {
    level: 'warn',
    text: 'what is nested below a configured group could not be read; what was known is kept',
  },
  'reconcile.group.member': {
    level: 'info',
    text: 'a member that changed is a group; everybody in its branch is looked at',
  },
  'reconcile.group.emptied': { level: 'warn', text: 'a group that had members reads empty and is read again' },
  'reconcile.proxmox.realm.missing': { level: 'error', text: 'Proxmox does not have the realm; nobody is made there' },
  'reconcile.proxmox.group.missing': { level: 'error', text: 'a Proxmox group that a role needs does not exist' },
  'reconcile.lakefs.unread': {
    level: 'error',
    text: 'lakeFS, or which groups it should have, could not be read; nobody loses anything there',
  },
  'reconcile.lakefs.missing': {
    level: 'warn',
    text: 'Entra has lakeFS groups no more, or they are not selected any more; this is read a second time',
  },
  'reconcile.lakefs.absent': {
    level: 'warn',
    text: 'the configuration names groups for lakeFS that Entra does not have',
  },
  'reconcile.lakefs.group': { level: 'warn', text: 'what becomes of a lakeFS group changed' },
  'reconcile.sweep.started': { level: 'info', text: 'a sweep began' },
  'reconcile.sweep.finished': { level: 'info', text: 'a sweep ended' },
  'reconcile.sweep.failed': { level: 'error', text: 'a sweep failed' },
  'reconcile.ledger.broken': { level: 'error', text: 'the ledger cannot be used; nothing is done until it is mended' },
  'reconcile.records.unseen': {
    level: 'warn',
    text: 'the ledger could not be compared with the records of the targets',
  },
  'reconcile.records.disagree': {
    level: 'error',
    text: 'the ledger and the records of the targets contradict each other; nobody concerned is removed until repaired',
  },
  'reconcile.records.agree': { level: 'info', text: 'the ledger and the records of the targets agree again' },
  'reconcile.records.repaired': {
    level: 'warn',
    text: 'an operator had the ledger rebuilt from the records of the targets',
  },
  'reconcile.clock.jumped': { level: 'error', text: 'the clock of this host jumped; deletions wait for confirmation' },
  'reconcile.clock.agrees': {
    level: 'warn',
    text: 'the clock of this host agrees again with what it was before it jumped',
  },
  'reconcile.storage.unwritable': {
    level: 'error',
    text: 'something that must be stored cannot be written; it is tried again',
  },
  'reconcile.storage.writable': { level: 'info', text: 'what could not be written can be written again' },
  'reconcile.lock.unremembered': {
    level: 'error',
    text: 'somebody was locked although the ledger or the audit log could not be written; this line stands for the record',
  },
  'reconcile.catchup.read': { level: 'debug', text: 'Graph was asked what changed since the last time' },
  'reconcile.catchup.gap': {
    level: 'info',
    text: 'what changed before cannot be asked for any more; a sweep finds it',
  },
  'reconcile.catchup.failed': { level: 'warn', text: 'Graph could not be asked what changed; it is asked again' },
  'reconcile.catchup.recovered': { level: 'info', text: 'Graph tells again what changed' },
  'reconcile.catchup.forgot': {
    level: 'warn',
    text: 'the places in the changes of Graph cannot be read from their file; catch-up starts afresh with a sweep',
  },
  'reconcile.change.untold': {
    level: 'warn',
    text: 'a change was found that no notification had told of',
  },
  'reconcile.loop.failed': { level: 'error', text: 'the queue could not be worked on and is tried again' },
} as const;
