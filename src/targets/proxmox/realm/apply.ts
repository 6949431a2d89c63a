import { Invariant, Rejected } from '../../../domain/errors.js';
import { audited, type RecordBootstrap } from '../../../telemetry/bootstrap-audit.js';
import type { ProxmoxBody, ProxmoxClient, ProxmoxWrite } from '../client.js';
import { ProxmoxError } from '../proxmox-error.js';
import type { ProxmoxVersion } from '../version.js';
import { abilitiesOf } from './abilities.js';
import { type RealmDeclaration, withNothingUnsaid } from './declaration.js';
import { changesOf, isSameUsernameClaim } from './fields.js';
import { readRealm } from './observe.js';
import type { RealmStep } from './plan.js';

export interface RealmApplyPorts {
  client: ProxmoxClient;
  declared: RealmDeclaration;
  version: ProxmoxVersion;
  /** Told of the write before and after it. */
  record: RecordBootstrap;
}

/**
 * Does the write and reads the realm back. Throws Rejected where somebody changed realms in between, so that nothing was
 * written, or where Proxmox does not show what it was told; otherwise the errors of the client.
 */
export async function applyRealm(step: RealmStep, ports: RealmApplyPorts, signal: AbortSignal): Promise<void> {
  const { client, record } = ports;
  const write = writeOf(step);
  await audited(record, { action: step.do, target: 'proxmox', name: step.realm, ...shownOf(step) }, async () => {
    try {
      await client.write(write, signal);
    } catch (error) {
      throw asRace(error, step.realm) ?? error;
    }
    await proveWritten(
      step.do === 'realm.create' ? { ...ports, declared: withNothingUnsaid(ports.declared) } : ports,
      signal,
    );
  });
}

/** PVE answers 200 to an empty issuer or client id and forgets the realm at its next read. */
const NEVER_EMPTY = ['issuer-url', 'client-id'] as const;

function writeOf(step: RealmStep): ProxmoxWrite {
  const key: ProxmoxBody = step.clientKey === undefined ? {} : { 'client-key': step.clientKey.reveal() };
  if (step.do === 'realm.create') {
    const body = { realm: step.realm, type: 'openid', ...asBody(step.fields), ...key };
    for (const field of NEVER_EMPTY) requireText(body, field);
    return { method: 'POST', route: '/access/domains', body };
  }
  const body: ProxmoxBody = {
    ...asBody(step.set),
    ...key,
    ...(step.remove.length > 0 ? { delete: step.remove.join(',') } : {}),
    ...(step.digest === undefined ? {} : { digest: step.digest }),
  };
  for (const field of NEVER_EMPTY) {
    if (step.remove.includes(field)) throw new Invariant(`${field} of a realm would be removed`);
    if (step.set.has(field)) requireText(body, field);
  }
  requireText(body, 'digest');
  return { method: 'PUT', route: '/access/domains/{realm}', params: { realm: step.realm }, body };
}

function requireText(body: ProxmoxBody, field: string): void {
  const text = body[field];
  if (text === undefined || String(text).trim() === '') throw new Invariant(`${field} of a realm would be sent empty`);
}

/** Flags as PVE's own client sends them, 0 and 1; nothing else of ours is a number. */
function asBody(fields: ReadonlyMap<string, string>): ProxmoxBody {
  return Object.fromEntries([...fields].map(([name, text]) => [name, isFlag(name) ? Number(text) : text]));
}

function isFlag(name: string): boolean {
  return ['autocreate', 'query-userinfo', 'groups-overwrite', 'groups-autocreate'].includes(name);
}

function asRace(error: unknown, realm: string): Rejected | undefined {
  if (!(error instanceof ProxmoxError)) return undefined;
  const raced = /detected modified configuration/.test(error.text) || error.kind === 'exists';
  if (!raced) return undefined;
  const what = error.kind === 'exists' ? `made a realm ${realm}` : 'changed the realms of Proxmox';
  return new Rejected(`somebody ${what} since it was looked at; nothing was written: look again with "realm plan"`, {
    cause: error,
  });
}

async function proveWritten({ client, declared, version }: RealmApplyPorts, signal: AbortSignal): Promise<void> {
  const seen = await readRealm(client, declared.realm, signal);
  if (!seen) {
    throw new Rejected(`Proxmox took the realm ${declared.realm} and does not have it: look at /etc/pve/domains.cfg`);
  }
  const differing: string[] = changesOf(declared, seen, abilitiesOf(version)).map(({ field }) => field);
  if (!isSameUsernameClaim(declared, seen.settings.get('username-claim'))) differing.push('username-claim');
  if (differing.length === 0) return;
  throw new Rejected(
    `Proxmox took the realm ${declared.realm} and shows ${differing.join(', ')} differently: somebody else may be changing it; run it again`,
  );
}

/** For the record: what was and what shall be, of the client key only that it differs. */
function shownOf(step: RealmStep): { before?: unknown; after: unknown } {
  if (step.do === 'realm.create') return { after: Object.fromEntries(step.fields) };
  const side = (which: 'is' | 'shall') =>
    Object.fromEntries(step.changes.map((change) => [change.field, change[which] ?? null]));
  return { before: side('is'), after: side('shall') };
}
