import { holdClientKey } from '../../../../../src/targets/proxmox/realm/client-key.js';
import {
  declareRealm,
  type RealmDeclaration,
  type RealmWish,
} from '../../../../../src/targets/proxmox/realm/declaration.js';
import type { ObservedRealm, ObservedRealms } from '../../../../../src/targets/proxmox/realm/observe.js';
import { planRealm, type RealmPlanOptions, type RealmStep } from '../../../../../src/targets/proxmox/realm/plan.js';
import { parseProxmoxVersion } from '../../../../../src/targets/proxmox/version.js';

export const TENANT = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
export const CLIENT = '77777777-8888-4999-8aaa-bbbbbbbbbbbb';
export const KEY = 'a-client-key-that-nobody-sees';

export const ENTRA: RealmWish = { idp: 'entra', realm: 'entra', tenantId: TENANT, clientId: CLIENT, clientKey: KEY };

export const KANIDM: RealmWish = {
  idp: 'kanidm',
  realm: 'kanidm',
  issuerUrl: 'https://idm.example.com',
  clientId: 'proxmox',
  clientKey: KEY,
};

export const GENERIC: RealmWish = {
  idp: 'generic',
  realm: 'login',
  issuerUrl: 'https://id.example.com/',
  clientId: 'proxmox',
};

/** @throws with every mistake */
export function declare(change: Partial<RealmWish> = {}, wish = ENTRA): RealmDeclaration {
  const read = declareRealm({ ...wish, ...change });
  if (!read.ok) throw new Error(read.problems.join('\n'));
  return read.realm;
}

export function problemsOf(change: Partial<RealmWish>, wish = ENTRA): string[] {
  const read = declareRealm({ ...wish, ...change });
  return read.ok ? [] : read.problems;
}

export function seen(settings: Readonly<Record<string, string>>, rest: Partial<ObservedRealm> = {}): ObservedRealm {
  return { type: 'openid', settings: new Map(Object.entries(settings)), clientKey: undefined, digest: 'd1', ...rest };
}

interface World extends Partial<Omit<RealmPlanOptions, 'observed'>> {
  version?: string;
  realm?: ObservedRealm | undefined;
  observed?: Partial<ObservedRealms>;
}

export function plan({ version = '9.1.4', realm, observed, ...options }: World = {}) {
  const declared = options.declared ?? declare();
  const release = parseProxmoxVersion(version);
  if (!release) throw new Error(`${version} is no version`);
  return planRealm({
    upkeep: undefined,
    allowGroupsOverwrite: false,
    ...options,
    declared,
    observed: {
      version: release,
      names: new Map([['pam', 'pam'], ...(realm ? [[declared.realm, realm.type] as const] : [])]),
      realm,
      nodes: [],
      keyReaders: [],
      ...observed,
    },
  });
}

/** What Proxmox has once a step was done there. */
export function after(step: RealmStep, before: ObservedRealm | undefined): ObservedRealm {
  if (step.do === 'realm.create') return seen(Object.fromEntries(step.fields), { clientKey: step.clientKey });
  const settings = new Map(before?.settings);
  for (const [name, text] of step.set) settings.set(name, text);
  for (const name of step.remove) settings.delete(name);
  return { type: 'openid', settings, digest: 'd2', clientKey: step.clientKey ?? before?.clientKey };
}

export const key = holdClientKey;
