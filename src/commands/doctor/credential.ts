import type { Settings } from '../../config/settings.js';
import { messageOf } from '../../domain/errors.js';
import type { Credential } from '../../entra/credential.js';
import { GraphUnavailable } from '../../entra/graph-errors.js';
import { type ExpiryView, expiryViews } from '../../telemetry/expiry.js';
import type { CheckName } from './catalogue.js';
import { type Check, fine, remark, skipped, unreachable, wrong } from './check.js';
import type { Looked } from './look.js';

export interface TokenPorts {
  credential: Pick<Credential, 'getToken'>;
  scope: string;
  clientId: string;
  /** What was met on the way to the sign-in host. */
  login: Promise<Looked>;
}

/** Whether a token can be had, and the token. The way to the sign-in host is looked at first, which is told sooner. */
export async function checkToken({
  credential,
  scope,
  clientId,
  login,
}: TokenPorts): Promise<{ check: Check; token?: string | undefined }> {
  const name = 'credential.token';
  const page = `Entra admin centre, App registrations, ${clientId}, Certificates & secrets`;
  const met = await login;
  if (met.kind === 'failed' || met.distrust) {
    return { check: skipped(name, 'the sign-in host is not reached, see login.tls') };
  }
  try {
    const token = await credential.getToken();
    return { check: fine(name, `app ${clientId} gets a token for ${scope}`), token };
  } catch (error) {
    const refusal = error instanceof GraphUnavailable ? error : undefined;
    const mend = refusal?.mend ? `${refusal.mend}; ${page}` : page;
    return { check: (refusal?.about === 'login' ? unreachable : wrong)(name, messageOf(error), mend) };
  }
}

const NAMES: Readonly<Record<ExpiryView['credential'], CheckName>> = {
  'entra-client-secret': 'credential.expiry',
  'entra-certificate': 'credential.expiry',
  'listener-certificate': 'listener.certificate',
  'pve-api-token': 'proxmox.token-expiry',
  'realm-client-secret': 'proxmox.realm',
  'proxmox-token': 'proxmox.token-expiry',
  'proxmox-token-rotation': 'proxmox.token-expiry',
};

/** When what we use ends, by what is known here. A month before the end it is remarked on, a week before it is wrong. */
export function checkExpiries(settings: Pick<Settings, 'expiries' | 'entra'>, now: number): Check[] {
  const known = expiryViews(settings.expiries, now).map(checkExpiry);
  const { credential } = settings.entra;
  if (!credential || known.some(({ name }) => name === 'credential.expiry')) return known;
  const what = { secret: 'client secret', certificate: 'certificate', token: 'access token' }[credential.kind];
  const setting =
    credential.kind === 'secret' ? 'set ENTRA_CLIENT_SECRET_EXPIRES to the day that the portal shows' : undefined;
  return [remark('credential.expiry', `when the ${what} ends is not known here`, setting), ...known];
}

function checkExpiry({ credential, expiresAt, level, daysLeft, remedy }: ExpiryView): Check {
  const name = NAMES[credential];
  if (level === 'expired') return wrong(name, `${credential} has ended (${expiresAt})`, remedy);
  const saw = `${credential} ends in ${daysLeft} d (${expiresAt})`;
  if (level === 'far') return fine(name, saw);
  return level === '30 days' ? remark(name, saw, remedy) : wrong(name, saw, remedy);
}
