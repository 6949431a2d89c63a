import type { Release } from './release.js';

/** Every privilege of Proxmox VE 9.1. */
const OF_9_1: readonly string[] = [
  'Datastore.Allocate',
  'Datastore.AllocateSpace',
  'Datastore.AllocateTemplate',
  'Datastore.Audit',
  'Group.Allocate',
  'Mapping.Audit',
  'Mapping.Modify',
  'Mapping.Use',
  'Permissions.Modify',
  'Pool.Allocate',
  'Pool.Audit',
  'Realm.Allocate',
  'Realm.AllocateUser',
  'SDN.Allocate',
  'SDN.Audit',
  'SDN.Use',
  'Sys.AccessNetwork',
  'Sys.Audit',
  'Sys.Console',
  'Sys.Incoming',
  'Sys.Modify',
  'Sys.PowerMgmt',
  'Sys.Syslog',
  'User.Modify',
  'VM.Allocate',
  'VM.Audit',
  'VM.Backup',
  'VM.Clone',
  'VM.Config.CDROM',
  'VM.Config.CPU',
  'VM.Config.Cloudinit',
  'VM.Config.Disk',
  'VM.Config.HWType',
  'VM.Config.Memory',
  'VM.Config.Network',
  'VM.Config.Options',
  'VM.Console',
  'VM.GuestAgent.Audit',
  'VM.GuestAgent.FileRead',
  'VM.GuestAgent.FileSystemMgmt',
  'VM.GuestAgent.FileWrite',
  'VM.GuestAgent.Unrestricted',
  'VM.Migrate',
  'VM.PowerMgmt',
  'VM.Replicate',
  'VM.Snapshot',
  'VM.Snapshot.Rollback',
];

/** Came with 9.0, together with what took the place of VM.Monitor (libpve-access-control 9.0.2). */
const SINCE_9_0 = /^VM\.(?:GuestAgent\..+|Replicate)$/;
const UNTIL_9_0 = ['VM.Monitor'];

/** Every privilege that a release knows, in the order of their names. */
export function knownPrivileges(release: Pick<Release, 'atLeast'>): readonly string[] {
  if (release.atLeast('9.0')) return OF_9_1;
  return [...OF_9_1.filter((privilege) => !SINCE_9_0.test(privilege)), ...UNTIL_9_0].sort();
}

const NOT_FOR_PVE_ADMIN = [
  'Permissions.Modify',
  'Realm.Allocate',
  'Sys.AccessNetwork',
  'Sys.Incoming',
  'Sys.Modify',
  'Sys.PowerMgmt',
];

/** The roles that every node has and that nobody can change. */
export function builtInRoles(privileges: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const startingWith = (prefix: string) => privileges.filter((privilege) => privilege.startsWith(prefix));
  return new Map([
    ['Administrator', privileges],
    ['NoAccess', []],
    ['PVEAdmin', privileges.filter((privilege) => !NOT_FOR_PVE_ADMIN.includes(privilege))],
    ['PVEAuditor', privileges.filter((privilege) => /^(Datastore|Mapping|Pool|SDN|Sys|VM)\.Audit$/.test(privilege))],
    ['PVEDatastoreAdmin', startingWith('Datastore.')],
    ['PVEDatastoreUser', ['Datastore.AllocateSpace', 'Datastore.Audit']],
    ['PVEMappingAdmin', startingWith('Mapping.')],
    ['PVEMappingAuditor', ['Mapping.Audit']],
    ['PVEMappingUser', ['Mapping.Audit', 'Mapping.Use']],
    ['PVEPoolAdmin', startingWith('Pool.')],
    ['PVEPoolUser', ['Pool.Audit']],
    ['PVESDNAdmin', startingWith('SDN.')],
    ['PVESDNUser', ['SDN.Audit', 'SDN.Use']],
    ['PVESysAdmin', ['Sys.Audit', 'Sys.Console', 'Sys.Syslog']],
    ['PVETemplateUser', ['VM.Audit', 'VM.Clone']],
    ['PVEUserAdmin', ['Group.Allocate', 'Realm.AllocateUser', 'User.Modify']],
    ['PVEVMAdmin', startingWith('VM.')],
    ['PVEVMUser', ['VM.Audit', 'VM.Backup', 'VM.Config.CDROM', 'VM.Config.Cloudinit', 'VM.Console', 'VM.PowerMgmt']],
  ]);
}
