/** The parts that the checks are shown under, in the order in which they are looked at. */
export const PARTS = [
  'configuration',
  'files',
  'clock',
  'way to Microsoft',
  'credentials',
  'permissions',
  'groups',
  'public address',
  'subscriptions',
  'Event Hubs',
  'Proxmox VE',
  'account agent',
  'lakeFS',
  'disks',
  'reconciler',
] as const;

export type Part = (typeof PARTS)[number];

interface Entry {
  part: Part;
  /** What follows where it is not well. */
  why: string;
}

/** Every check there is, in order. The names are an interface: whoever reads `--json` goes by them. */
export const CATALOGUE = {
  'configuration.values': {
    part: 'configuration',
    why: 'no part starts with a value that is not understood',
  },
  'configuration.remarks': {
    part: 'configuration',
    why: 'a name that nobody reads has no effect, though somebody meant it to',
  },
  'files.integrity': {
    part: 'files',
    why: 'whoever can change the program, its policy or its configuration can become an administrator',
  },
  'files.configuration': { part: 'files', why: 'whoever can write it decides who gets in' },
  'files.credentials': { part: 'files', why: 'whoever can read them can act as this app and this API token' },
  'files.policy': { part: 'files', why: 'it is the last word on what the account agent may do as root' },
  'files.state': { part: 'files', why: 'the ledger says who is ours; whoever can write it can have accounts locked' },
  'files.listener-state': { part: 'files', why: 'the client states in it are what a notification is believed by' },
  'files.spool': { part: 'files', why: 'notifications wait there; without it none is kept' },
  'files.log': { part: 'files', why: 'the audit log is the proof of who got and lost what' },
  'files.run': { part: 'files', why: 'the sockets lie there; whoever can write there can pose as a daemon' },
  'files.sockets': { part: 'files', why: 'whoever may connect may approve plans, or have accounts made' },
  'clock.entra': { part: 'clock', why: 'tokens, countdowns and expiries are wrong by as much as the clock is' },
  'clock.proxmox': { part: 'clock', why: 'expiry dates of users and tokens in Proxmox VE end early or late' },
  'clock.lakefs': { part: 'clock', why: 'its log and our audit log cannot be laid side by side' },
  'proxy.reach': { part: 'way to Microsoft', why: 'without the proxy nothing of Microsoft is reached' },
  'login.dns': { part: 'way to Microsoft', why: 'without its address there is no token' },
  'login.tls': { part: 'way to Microsoft', why: 'without a connection that can be trusted there is no token' },
  'graph.dns': { part: 'way to Microsoft', why: 'without its address nobody is looked up' },
  'graph.tls': { part: 'way to Microsoft', why: 'without a connection that can be trusted nobody is looked up' },
  'credential.token': { part: 'credentials', why: 'without a token nothing is known: nobody gains, nobody loses' },
  'credential.expiry': { part: 'credentials', why: 'when it ends, nobody who leaves is locked any more' },
  'credential.expiry-at-entra': {
    part: 'credentials',
    why: 'Entra decides when the secret ends, whatever the configuration says',
  },
  'listener.certificate': { part: 'credentials', why: 'Graph delivers nothing over a certificate that has ended' },
  'permissions.roles': { part: 'permissions', why: 'Graph refuses what the app was not granted' },
  'permissions.beyond': {
    part: 'permissions',
    why: 'whoever steals the credential can do all that was granted; Entramox only reads',
  },
  'group.read': { part: 'groups', why: 'while a group cannot be read, nobody in it gains or loses anything' },
  'group.hidden': { part: 'groups', why: 'hidden members read as none: the group seems empty' },
  'endpoint.reach': { part: 'public address', why: 'Graph must reach it from the internet, or changes are seen late' },
  'endpoint.tls': { part: 'public address', why: 'Graph takes publicly trusted chains with their intermediates only' },
  'endpoint.handshake': { part: 'public address', why: 'without the handshake Graph makes no subscription' },
  'endpoint.time': {
    part: 'public address',
    why: 'Graph delays notifications where one in ten takes over 3 s, and drops them over 10 s',
  },
  'subscription.live': { part: 'subscriptions', why: 'without it changes are found by catch-up and sweeps alone' },
  'subscription.others': {
    part: 'subscriptions',
    why: 'Graph allows 100 for an app in a tenant, and two installations on one app disturb each other',
  },
  'eventhub.reach': { part: 'Event Hubs', why: 'notifications wait there and are lost after its retention time' },
  'eventhub.checkpoint': { part: 'Event Hubs', why: 'what nobody reads is lost after the retention time of the hub' },
  'proxmox.tls': { part: 'Proxmox VE', why: 'without it nobody is locked in Proxmox VE' },
  'proxmox.token': { part: 'Proxmox VE', why: 'without a valid API token nobody is locked in Proxmox VE' },
  'proxmox.token-expiry': { part: 'Proxmox VE', why: 'when it ends, nobody who leaves is locked in Proxmox VE' },
  'proxmox.version': { part: 'Proxmox VE', why: 'older ones know no group claims and other options of realms' },
  'proxmox.privileges': { part: 'Proxmox VE', why: 'Proxmox VE refuses, or silently hides, what the token may not' },
  'proxmox.beyond': { part: 'Proxmox VE', why: 'whoever steals the token can do all that it may' },
  'proxmox.groups': { part: 'Proxmox VE', why: 'roles are given by membership in these groups' },
  'proxmox.realm': { part: 'Proxmox VE', why: 'users of a realm that is not there cannot log in' },
  'proxmox.realm-options': { part: 'Proxmox VE', why: 'Proxmox VE then makes or changes users at each login, too' },
  'proxmox.user-cfg': { part: 'Proxmox VE', why: 'a full user.cfg takes no new user and no longer comment' },
  'agent.reach': { part: 'account agent', why: 'without it no account is made, locked or deleted on this host' },
  'agent.policy': { part: 'account agent', why: 'without a valid policy the agent refuses everything' },
  'agent.tools': { part: 'account agent', why: 'without these programs the agent refuses everything' },
  'agent.host': { part: 'account agent', why: 'on a sick disk, or behind a foreign lock, no account can be changed' },
  'lakefs.settings': { part: 'lakeFS', why: 'settings without a target have no effect, though somebody meant them to' },
  'lakefs.tls': {
    part: 'lakeFS',
    why: 'without a connection that can be trusted nobody is taken out of a group there',
  },
  'lakefs.access': { part: 'lakeFS', why: 'without it nobody gets into a group in lakeFS, and nobody is taken out' },
  'lakefs.kind': {
    part: 'lakeFS',
    why: 'what groups are given depends on it, and without groups there is nothing to do',
  },
  'lakefs.rights': { part: 'lakeFS', why: 'what cannot be read is unknown, and nothing is taken away on that' },
  'lakefs.beyond': { part: 'lakeFS', why: 'whoever steals the key can do all that its user may' },
  'lakefs.policies': {
    part: 'lakeFS',
    why: 'a policy that does not exist cannot be attached: members lack what it allows',
  },
  'lakefs.groups': {
    part: 'lakeFS',
    why: 'a group in conflict is left as it is, and unknown ones keep everything waiting',
  },
  'lakefs.managed': {
    part: 'lakeFS',
    why: 'a group without our mark is never written to, and whoever should be in it lacks what it allows',
  },
  'lakefs.people': { part: 'lakeFS', why: 'a member without a lakeFS user has nothing of what the group allows' },
  'disk.state': { part: 'disks', why: 'without the ledger nothing is made, given or deleted' },
  'disk.listener-state': {
    part: 'disks',
    why: 'without the record of subscriptions they are made anew, again and again',
  },
  'disk.spool': { part: 'disks', why: 'a notification that cannot be stored is refused' },
  'disk.log': { part: 'disks', why: 'without the audit log nothing is made, given or deleted' },
  'disk.watch': { part: 'disks', why: 'without inotify a change waits for the scan every five seconds' },
  'reconciler.reach': { part: 'reconciler', why: 'while it does not run, nobody gains or loses anything' },
  'reconciler.ready': { part: 'reconciler', why: 'it says itself that something is in its way' },
  'reconciler.sweep': { part: 'reconciler', why: 'the sweep finds what nobody told, and ends due countdowns' },
  'reconciler.held': { part: 'reconciler', why: 'none of the removals of a held plan is done until somebody decides' },
  'reconciler.queue': { part: 'reconciler', why: 'what waits has not been done' },
  'reconciler.parked': { part: 'reconciler', why: 'these failed too often and are left to the sweep' },
  'listener.reach': { part: 'reconciler', why: 'while it does not run, Graph retries for four hours and then drops' },
  'listener.ready': { part: 'reconciler', why: 'it says itself that something is in its way' },
} as const satisfies Record<string, Entry>;

export type CheckName = keyof typeof CATALOGUE;

/** All names, in the order in which they are shown. */
export const CHECK_NAMES = Object.keys(CATALOGUE) as readonly CheckName[];
