import { SourceUnavailable } from '../../domain/errors.js';
import type { ProxmoxClient } from './client.js';
import { version } from './schema.js';

/** A release of Proxmox VE. */
export interface ProxmoxVersion {
  major: number;
  minor: number;
  /** As PVE tells it, `9.1.4`, with a suffix for what is not released yet. */
  text: string;
}

/**
 * GET /version, that of pve-manager. It says which generation of the API runs and not quite which version of
 * libpve-access-control: what came in the middle of a release may still answer 400 "not defined in schema".
 * Throws SourceUnavailable where the text is no version.
 */
export async function readProxmoxVersion(client: ProxmoxClient, signal: AbortSignal): Promise<ProxmoxVersion> {
  const { version: told } = await client.get({ route: '/version' }, version, signal);
  const read = parseProxmoxVersion(told);
  if (!read)
    throw new SourceUnavailable(`${client.host} tells ${JSON.stringify(told)}, which is no version of Proxmox VE`);
  return read;
}

/** The version of `9.1.4`, `8.4-2` or `9.0.0~11`; undefined for anything else. */
export function parseProxmoxVersion(text: string): ProxmoxVersion | undefined {
  const [, major, minor] = /^(\d{1,3})\.(\d{1,3})(?![\d])/.exec(text) ?? [];
  return major && minor ? { major: Number(major), minor: Number(minor), text } : undefined;
}

/** Whether a version is this release or a later one: `atLeast(version, '9.1')`. */
export function atLeast(
  { major, minor }: Pick<ProxmoxVersion, 'major' | 'minor'>,
  release: `${number}.${number}`,
): boolean {
  const [wantedMajor = 0, wantedMinor = 0] = release.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
