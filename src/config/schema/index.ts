import type { ValueOf } from '../setting.js';
import { entraSettings, scopeSettings } from './entra.js';
import { eventHubSettings } from './event-hub.js';
import { lakefsSettings } from './lakefs.js';
import { linuxSettings } from './linux.js';
import { listenerSettings } from './listener.js';
import { networkSettings } from './network.js';
import { generalSettings, telemetrySettings } from './operations.js';
import { proxmoxSettings } from './proxmox.js';
import { realmSettings } from './realm.js';
import { guardSettings, reconcileSettings } from './reconcile.js';
import { sourceSettings } from './sources.js';

/** Every name of the configuration in the sections of config.example.env. */
export const sections = [
  { title: 'Microsoft Entra ID', settings: entraSettings },
  { title: 'Who is in scope, and what groups give', settings: scopeSettings },
  { title: 'Change sources and catch-up', settings: sourceSettings },
  { title: 'Listener and subscriptions', settings: listenerSettings },
  { title: 'Event Hubs', settings: eventHubSettings },
  { title: 'Outbound proxy', settings: networkSettings },
  { title: 'Targets and paths', settings: generalSettings },
  { title: 'Reconciling', settings: reconcileSettings },
  { title: 'Guard', settings: guardSettings },
  { title: 'Linux accounts', settings: linuxSettings },
  { title: 'Proxmox VE', settings: proxmoxSettings },
  { title: 'Login to Proxmox VE (entramox realm)', settings: realmSettings },
  { title: 'Logs, metrics and the operator socket', settings: telemetrySettings },
  { title: 'lakeFS', settings: lakefsSettings },
] as const;

/** The one schema: every canonical name with its type, default and words. */
export const schema = {
  ...entraSettings,
  ...scopeSettings,
  ...sourceSettings,
  ...listenerSettings,
  ...eventHubSettings,
  ...networkSettings,
  ...generalSettings,
  ...reconcileSettings,
  ...guardSettings,
  ...linuxSettings,
  ...proxmoxSettings,
  ...realmSettings,
  ...telemetrySettings,
  ...lakefsSettings,
} as const;

export type SettingName = keyof typeof schema;

export type Values = { [Name in SettingName]: ValueOf<(typeof schema)[Name]> };

export const settingNames = Object.keys(schema) as SettingName[];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(schema, name);
}

/** Names whose value may also stand in a file (`NAME_FILE`) or in a systemd credential. */
export const secretNames = settingNames.filter((name) => schema[name].secret);
