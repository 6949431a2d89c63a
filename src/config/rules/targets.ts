import { isLinuxReachable, type RuleContext } from './context.js';

/** What each target cannot do without. */
export function targetRules(context: RuleContext): void {
  if (!context.needs.targets) return;

  if (context.targets.length === 0) {
    context.problem(
      'TARGETS',
      'at least one target: an account agent (ACCOUNTS_SOCKET), a Proxmox token (PVE_API_TOKEN_FILE) or lakeFS (LAKEFS_ENDPOINT)',
    );
  }
  if (context.targets.includes('linux') && !isLinuxReachable(context.values, context.isFailed)) {
    context.problem('ACCOUNTS_SOCKET', 'the socket of the account agent, since linux is among TARGETS');
  }
  proxmoxRules(context);
  sudoNotices(context);
}

function proxmoxRules(context: RuleContext): void {
  const proxmox = context.targets.includes('proxmox');
  if (context.values.GRAPH_ENFORCE === false && !proxmox) {
    context.problem(
      'GRAPH_ENFORCE',
      'true, or proxmox among TARGETS with PVE_API_TOKEN and REALM: without Entra the users of the Proxmox realm are the source',
    );
  }
  if (context.values.PVE_PROVISION === 'existing' && !proxmox) {
    context.problem(
      'PVE_PROVISION',
      'create, or proxmox among TARGETS with PVE_API_TOKEN and REALM: without it nobody can tell who is in the realm already',
    );
  }
  if (proxmox && !context.isGiven('PVE_API_TOKEN')) {
    context.problem('PVE_API_TOKEN', 'an API token of Proxmox VE, since proxmox is among TARGETS');
  }
  if (proxmox && !context.isGiven('REALM')) {
    context.problem('REALM', 'the name of the OpenID realm in Proxmox, since proxmox is among TARGETS');
  }
  if (!proxmox && context.isGiven('REALM')) {
    context.notice(
      'incomplete',
      'REALM',
      'REALM is set but proxmox is not a target: users of Proxmox are left alone. PVE_API_TOKEN_FILE turns it on.',
    );
  }
}

function sudoNotices({ values, notice, targets }: RuleContext): void {
  if (!targets.includes('linux')) return;
  const administrators =
    values.ENTRA_SUPERADMIN_GROUP_ID !== undefined || values.ENTRA_ROLE_MAP?.some((entry) => entry.sudo);
  if (administrators && values.GRANT_SUDO === false) {
    notice(
      'incomplete',
      'GRANT_SUDO',
      'Groups of administrators are configured, but GRANT_SUDO is false: nobody gets sudo on Linux.',
    );
  }
  const rootLike = (values.EXTRA_GROUPS ?? []).filter((group) => ROOT_LIKE.has(group));
  if (rootLike.length > 0) {
    notice(
      'insecure',
      'EXTRA_GROUPS',
      `EXTRA_GROUPS gives everybody in scope the groups ${rootLike.join(', ')}, which are as good as root.`,
    );
  }
}

/** Groups whose members can become root on a Debian system. */
const ROOT_LIKE = new Set(['disk', 'docker', 'kvm', 'libvirt', 'lxd', 'root', 'shadow', 'staff', 'sudo', 'wheel']);
