import type { RecordBootstrap } from '../../../telemetry/bootstrap-audit.js';
import { requireRights } from '../refusal.js';
import type { Need } from '../rights.js';
import { atLeast, parseProxmoxVersion } from '../version.js';
import type { TokenDeclaration } from './declaration.js';
import { type Rotated, type RotatePorts, rotateToken } from './rotate.js';
import { planRotation, type Rotation, type RotationWish } from './rotation.js';
import { lookAtStandings, type SetupPorts } from './setup.js';

/** Where the API can make a new secret for the same token (libpve-access-control 9.1.0). */
const REGENERATES = '9.1';

/** To make and delete tokens, and to give them rights of their own. */
const ROTATE: readonly Need[] = [
  { path: '/access/groups', anyOf: ['User.Modify'] },
  { path: '/', anyOf: ['Permissions.Modify'] },
];

export type RotationSetup = Omit<SetupPorts, 'adopt' | 'prune'>;

export interface LookedRotations {
  rotations: Rotation[];
  /** Of this Proxmox, for messages. */
  version: string;
  canRegenerate: boolean;
  ports: Omit<RotatePorts, 'record'>;
}

/** Looks what there is to rotate. Writes nothing. `which`: these declarations alone. Throws as `lookAtTokens` does. */
export async function lookAtRotations(
  setup: RotationSetup,
  wish: RotationWish,
  which: (token: TokenDeclaration) => boolean,
  signal: AbortSignal,
  believedUntil?: number,
): Promise<LookedRotations> {
  const { client, clock, openSink, connectAs } = setup;
  const { observed, standings } = await lookAtStandings(setup, signal);
  const release = parseProxmoxVersion(observed.version);
  const canRegenerate = release !== undefined && atLeast(release, REGENERATES);
  const rotations = standings
    .filter((_, index) => setup.declared.some((token, at) => at === index && which(token)))
    .map((standing) => {
      const { owner, name, family = name } = standing.token;
      const others = setup.declared.filter((token) => token.owner === owner && token.name !== family);
      const taken = new Set(others.map((token) => token.name));
      const tokens = observed.owners.get(owner)?.tokens ?? new Map();
      return planRotation({ standing, tokens, taken, wish, canRegenerate, now: clock.now(), believedUntil });
    });
  const declared = standings.map(({ token }) => token);
  const ports = { client, clock, observed, declared, openSink, connectAs };
  return { rotations, version: observed.version, canRegenerate, ports };
}

/** Does the rotations one after the other, each whatever becomes of the others. */
export async function rotateTokens(
  setup: RotationSetup,
  { rotations, ports }: LookedRotations,
  signal: AbortSignal,
  record: RecordBootstrap,
): Promise<{ rotation: Rotation; rotated: Rotated }[]> {
  if (rotations.some(({ steps }) => steps.length > 0)) await requireRights(setup.rights, ROTATE, setup.client, signal);
  const done: { rotation: Rotation; rotated: Rotated }[] = [];
  for (const rotation of rotations) {
    done.push({ rotation, rotated: await rotateToken(rotation, { ...ports, record }, signal) });
  }
  return done;
}
