import { resolve } from 'node:path';
import type { Settings } from '../../config/settings.js';
import { messageOf } from '../../domain/errors.js';
import { tokenEndOf } from '../../targets/proxmox/tokens/ends.js';
import { lookAtStandings, type SetupPorts } from '../../targets/proxmox/tokens/setup.js';
import { type ExpiryView, expiryViews } from '../../telemetry/expiry.js';
import type { Log } from '../../telemetry/log.js';
import type { Io } from '../io.js';
import { bootstrapPaths } from '../parts/bootstrap-paths.js';
import { expiriesOfToken, type KeptEnd, keepTokenEnds, readTokenEnds } from '../parts/token-ends-file.js';

export interface KeepOptions {
  settings: Pick<Settings, 'paths'>;
  /** Of declarations. */
  file: string;
  ports: Omit<SetupPorts, 'adopt' | 'prune'>;
  log: Log;
  io: Io;
}

/**
 * Leaves behind when the declared tokens end, for the reconciler's status and metrics, and logs what ends within 30, 7 or
 * 1 days: each level once, however often this runs. Gives what ends soon. A failure is only remarked on: the work was
 * done.
 */
export async function keepEnds(options: KeepOptions, signal: AbortSignal): Promise<ExpiryView[]> {
  const { settings, file, ports, log, io } = options;
  const path = bootstrapPaths(settings.paths).tokenExpiries;
  try {
    const now = ports.clock.now();
    const { observed, standings } = await lookAtStandings(ports, signal);
    const ends = standings.flatMap((standing) => tokenEndOf(standing, observed, now) ?? []);
    const told = toldIn(path, file);
    const views: ExpiryView[] = [];
    const kept = ends.map((end): KeptEnd => {
      const near = expiryViews(expiriesOfToken(end, now), now).filter(({ level }) => level !== 'far');
      views.push(...near);
      const view = near.find(({ credential }) => credential === 'proxmox-token');
      if (!view) return end;
      const { expiresAt, level, daysLeft, remedy } = view;
      const event = level === 'expired' ? 'proxmox.token.expired' : 'proxmox.token.expiring';
      if (told.get(end.token) !== level) log(event, { token: end.token, expiresAt, daysLeft, remedy });
      return { ...end, told: level };
    });
    await keepTokenEnds(path, file, kept, now);
    return views;
  } catch (error) {
    io.err(`note: when the tokens end could not be kept for "entramox status": ${messageOf(error)}`);
    return [];
  }
}

/** What the log was told last, by token; the same id on another server stands in another file of declarations. */
function toldIn(path: string, declarations: string): Map<string, KeptEnd['told']> {
  try {
    const tokens = readTokenEnds(path).files[resolve(declarations)]?.tokens ?? [];
    return new Map(tokens.map(({ token, told }) => [token, told]));
  } catch {
    // It is written anew; what was told is told once more.
    return new Map();
  }
}
