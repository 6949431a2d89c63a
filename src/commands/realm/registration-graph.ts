import { readSecretFile } from '../../config/secret-file.js';
import type { Settings } from '../../config/settings.js';
import { Rejected } from '../../domain/errors.js';
import { readToken } from '../../entra/token-roles.js';
import type { Log } from '../../telemetry/log.js';
import { createMetrics } from '../../telemetry/metrics.js';
import { systemClock } from '../../telemetry/system-clock.js';
import { connectGraph, type Graph } from '../parts/graph.js';
import { theRealOutside } from '../parts/outside.js';

/**
 * Graph with the credential of the configuration, or with a ready access token in a file: of somebody who may register
 * applications, which no daemon should be able to. Throws Rejected for a file that is not fit for a secret.
 */
export function openGraph(settings: Settings, log: Log, tokenFile: string | undefined): Graph {
  const metrics = createMetrics({ processMetrics: false });
  if (tokenFile === undefined) return connectGraph(settings, log, metrics, theRealOutside, { isOneOff: true });
  const file = readSecretFile(tokenFile);
  if (!file.ok) throw new Rejected(`${tokenFile}: expected ${file.expected}; remedy: ${file.remedy}`);
  const { expiresAt } = readToken(file.text);
  if (expiresAt !== undefined && expiresAt <= systemClock.now()) {
    throw new Rejected(`the access token in ${tokenFile} ended at ${new Date(expiresAt).toISOString()}; get a new one`);
  }
  const { entra } = settings;
  const credential = { kind: 'token', accessToken: file.text } as const;
  // Whose application the token is of is in the token itself.
  const withToken = { ...settings, entra: { ...entra, clientId: entra.clientId ?? 'of the token', credential } };
  // That such a token is not renewed is no news to somebody who has just fetched it.
  const told: Log = (event, fields) => (event === 'config.insecure' ? undefined : log(event, fields));
  return connectGraph(withToken, told, metrics, theRealOutside, { isOneOff: true });
}
