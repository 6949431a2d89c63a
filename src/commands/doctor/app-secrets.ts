import { z } from 'zod';
import { messageOf } from '../../domain/errors.js';
import type { GraphClient } from '../../entra/graph-client.js';
import { type Check, fine, remark, skipped, wrong } from './check.js';

const application = z.object({
  passwordCredentials: z.array(z.object({ endDateTime: z.string(), hint: z.string().nullish() })).default([]),
  keyCredentials: z.array(z.object({ endDateTime: z.string(), customKeyIdentifier: z.string().nullish() })).default([]),
});

export interface AppSecretPorts {
  graph: Pick<GraphClient, 'get'>;
  clientId: string;
  kind: 'secret' | 'certificate';
  /** The first characters of the secret, which Entra shows too; compared here and never shown. */
  hint: string | undefined;
  /** undefined: the token does not say. */
  roles: readonly string[] | undefined;
  /** When it ends by our configuration. */
  assumed: number | undefined;
  now: number;
}

/** With one of these the app may read itself (Graph: application-get). */
const MAY_READ = ['Application.Read.All', 'Application.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'];
const DAY_MS = 24 * 3_600_000;
const SOON_MS = 7 * DAY_MS;
const NEAR_MS = 30 * DAY_MS;

/** When the credential ends as Entra itself has it, where the token may see that. */
export async function checkAppSecrets(ports: AppSecretPorts, signal: AbortSignal): Promise<Check> {
  const { graph, clientId, kind, hint, roles, assumed, now } = ports;
  const name = 'credential.expiry-at-entra';
  const page = `Entra admin centre, App registrations, ${clientId}, Certificates & secrets`;
  if (!roles?.some((role) => MAY_READ.includes(role))) {
    return remark(
      name,
      'the token may not see it, which is right: that would take Application.Read.All',
      `look there: ${page}`,
    );
  }
  try {
    const path = `/applications(appId='${encodeURIComponent(clientId)}')?$select=passwordCredentials,keyCredentials`;
    const seen = await graph.get(path, application, { signal });
    const all = kind === 'secret' ? seen.passwordCredentials : seen.keyCredentials;
    const alike = seen.passwordCredentials.filter((item) => hint !== undefined && item.hint === hint);
    const ends = (kind === 'secret' && alike.length > 0 ? alike : all).map((item) => Date.parse(item.endDateTime));
    if (ends.length === 0) return wrong(name, `Entra knows no ${kind} of this app`, `add one: ${page}`);
    // Where several could be meant, the first that ends.
    return judge(Math.min(...ends), { kind, page, assumed, now });
  } catch (error) {
    signal.throwIfAborted();
    return skipped(name, messageOf(error), `look there: ${page}`);
  }
}

function judge(
  end: number,
  { kind, page, assumed, now }: Pick<AppSecretPorts, 'kind' | 'assumed' | 'now'> & { page: string },
): Check {
  const name = 'credential.expiry-at-entra';
  const day = new Date(end).toISOString().slice(0, 10);
  const saw = `the ${kind} ends ${day} in Entra`;
  const mend = `make a new one: ${page}; put it in place of the old one, restart`;
  if (end - now < SOON_MS) return wrong(name, saw, mend);
  if (assumed !== undefined && Math.abs(assumed - end) > 2 * DAY_MS) {
    return wrong(
      name,
      `${saw}, but the configuration says ${new Date(assumed).toISOString().slice(0, 10)}`,
      `set ENTRA_CLIENT_SECRET_EXPIRES=${day}`,
    );
  }
  return end - now < NEAR_MS ? remark(name, saw, mend) : fine(name, saw);
}
