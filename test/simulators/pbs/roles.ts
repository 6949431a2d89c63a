/** Every privilege of Proxmox Backup Server 3.2 (pbs-api-types, acl.rs). */
export const PRIVILEGES: readonly string[] = [
  ...['Sys.Audit', 'Sys.Modify', 'Sys.PowerManagement', 'Sys.Console'],
  ...['Datastore.Audit', 'Datastore.Allocate', 'Datastore.Modify', 'Datastore.Read', 'Datastore.Verify'],
  ...['Datastore.Backup', 'Datastore.Prune', 'Permissions.Modify'],
  ...['Remote.Audit', 'Remote.Modify', 'Remote.Read'],
  ...['Tape.Audit', 'Tape.Modify', 'Tape.Write', 'Tape.Read', 'Realm.Allocate'],
];

const of = (prefix: string) => PRIVILEGES.filter((name) => name.startsWith(`${prefix}.`));

/** The roles, which nobody can add to. */
export const ROLES: ReadonlyMap<string, readonly string[]> = new Map([
  ['Admin', PRIVILEGES],
  ['Audit', ['Sys.Audit', 'Datastore.Audit']],
  ['NoAccess', []],
  ['DatastoreAdmin', of('Datastore').filter((name) => name !== 'Datastore.Allocate')],
  ['DatastoreReader', ['Datastore.Audit', 'Datastore.Verify', 'Datastore.Read']],
  ['DatastoreBackup', ['Datastore.Backup']],
  ['DatastorePowerUser', ['Datastore.Prune', 'Datastore.Backup']],
  ['DatastoreAudit', ['Datastore.Audit']],
  ['RemoteAudit', ['Remote.Audit']],
  ['RemoteAdmin', of('Remote')],
  ['RemoteSyncOperator', ['Remote.Audit', 'Remote.Read']],
  ['TapeAudit', ['Tape.Audit']],
  ['TapeAdmin', of('Tape')],
  ['TapeOperator', ['Tape.Audit', 'Tape.Read', 'Tape.Write']],
  ['TapeReader', ['Tape.Audit', 'Tape.Read']],
]);
