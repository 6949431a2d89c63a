import type { Settings } from '../../config/settings.js';
import { REQUIRED_ROLES, readToken } from '../../entra/token-roles.js';
import type { Graph } from '../parts/graph.js';
import { checkAppSecrets } from './app-secrets.js';
import { subject } from './budget.js';
import type { CheckName } from './catalogue.js';
import { type Check, skipped } from './check.js';
import { checkToken } from './credential.js';
import { checkGroups, lookAtGroup } from './groups.js';
import type { WayOut } from './microsoft.js';
import { checkRoles } from './roles.js';

export interface TenantPorts {
  settings: Settings;
  graph: Pick<Graph, 'credential' | 'client'>;
  way: Pick<WayOut, 'login' | 'service'>;
  /** What is looked at beside the groups once Graph can be asked, by its names. */
  beside: { names: readonly CheckName[]; look: (signal: AbortSignal) => Promise<Check[]> };
  now: () => number;
}

const OF_TOKEN = ['permissions.roles', 'permissions.beyond'] as const satisfies readonly CheckName[];

/** What needs a token: its permissions, and once Graph is reached the application itself, the groups and what is beside. */
export async function checkTenant(ports: TenantPorts, signal: AbortSignal): Promise<Check[]> {
  const { settings, graph, way, beside } = ports;
  const { entra } = settings;
  const clientId = entra.clientId ?? '';
  let token: string | undefined;
  const first = await subject(['credential.token'], signal, async () => {
    const scope = entra.graphScope;
    const seen = await checkToken({ credential: graph.credential, scope, clientId, login: way.login });
    token = seen.token;
    return [seen.check];
  });
  const isNamed = entra.credential?.kind === 'secret' || entra.credential?.kind === 'certificate';
  const ofApp = isNamed ? (['credential.expiry-at-entra'] as const) : [];
  const ofGraph: CheckName[] = [...ofApp, 'group.read', ...beside.names];
  if (token === undefined) {
    return [
      ...first,
      ...[...OF_TOKEN, ...ofGraph].map((name) => skipped(name, 'there is no token, see credential.token')),
    ];
  }
  const { roles } = readToken(token);
  const needed = [
    ...REQUIRED_ROLES.map((role): { role: string; use: string } => ({ role, use: USES[role] })),
    ...(settings.lakefs?.source === 'app-assignments'
      ? [{ role: 'Application.Read.All', use: 'the groups that are assigned to the application, for lakeFS' }]
      : []),
  ];
  const permissions = checkRoles({ roles, needed, clientId });
  const met = await way.service;
  if (met.kind === 'failed' || met.distrust) {
    return [...first, ...permissions, ...ofGraph.map((name) => skipped(name, 'Graph is not reached, see graph.tls'))];
  }
  const rest = await Promise.all([
    subject(ofApp, signal, async () => checkApp(ports, roles, signal)),
    subject(['group.read'], signal, () =>
      checkGroups({ groupIds: entra.groupIds, look: lookAtGroup(graph.client), roles }, signal),
    ),
    subject(beside.names, signal, () => beside.look(signal)),
  ]);
  return [...first, ...permissions, ...rest.flat()];
}

async function checkApp(
  { settings: { entra, expiries }, graph, now }: TenantPorts,
  roles: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<Check[]> {
  const { credential } = entra;
  if (!credential || credential.kind === 'token') return [];
  const ports = {
    graph: graph.client,
    clientId: entra.clientId ?? '',
    kind: credential.kind,
    // Entra shows as many.
    hint: credential.kind === 'secret' ? credential.clientSecret.slice(0, 3) : undefined,
    roles,
    assumed: expiries.find((item) => item.credential.startsWith('entra-'))?.expiresAt,
    now: now(),
  };
  return [await checkAppSecrets(ports, signal)];
}

const USES: Readonly<Record<(typeof REQUIRED_ROLES)[number], string>> = {
  'GroupMember.Read.All': 'groups, their members and subscriptions to them',
  'User.Read.All': 'people, deleted ones too, and subscriptions to them',
};
