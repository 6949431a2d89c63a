import { z } from 'zod';
import { messageOf } from '../../../../domain/errors.js';
import type { ProxmoxClient } from '../../client.js';
import { ProxmoxError } from '../../proxmox-error.js';
import type { RealmDeclaration } from '../declaration.js';
import type { DiscoveryDocument } from './document.js';
import { type HttpExchange, oneLine, parseJson, quoted } from './exchange.js';
import { fine, type RealmFinding, remark, unreachable, wrong } from './finding.js';

export interface AuthUrlOptions {
  client: ProxmoxClient;
  realm: Pick<RealmDeclaration, 'realm' | 'clientId'>;
  /** Where browsers reach Proxmox; each is asked at its own address, too. */
  origins: readonly string[];
  document: DiscoveryDocument | undefined;
  /** The way to the nodes. Nobody is logged in: this call is open to the world. */
  exchange: HttpExchange;
}

/** The address that a browser is sent to for one redirect URI. */
export interface SignInAddress {
  origin: string;
  url: string;
}

const ROUTE = '/access/openid/auth-url';

/**
 * Lets Proxmox itself begin a login, for every address of a node and on that node: it reads the discovery document over
 * its own way out and with its own trust, which no look from here can prove.
 */
export async function checkAuthUrls(
  options: AuthUrlOptions,
  signal: AbortSignal,
): Promise<{ findings: RealmFinding[]; addresses: SignInAddress[] }> {
  const outcomes = await Promise.all(
    options.origins.map(async (origin) => {
      const [here, there] = await Promise.all([askApi(options, origin, signal), askNode(options, origin, signal)]);
      return { here, there };
    }),
  );
  return {
    findings: outcomes.flatMap(({ here, there }) => [here.finding, there.finding]),
    addresses: outcomes.flatMap(({ here, there }) => here.address ?? there.address ?? []),
  };
}

interface Outcome {
  finding: RealmFinding;
  address?: SignInAddress;
}

async function askApi(options: AuthUrlOptions, origin: string, signal: AbortSignal): Promise<Outcome> {
  const { client, realm } = options;
  const body = { realm: realm.realm, 'redirect-url': origin };
  try {
    const url = await client.write({ method: 'POST', route: ROUTE, body }, signal, z.string());
    return judge(options, origin, client.host, url);
  } catch (error) {
    signal.throwIfAborted();
    const { name, mend } = wordsFor(client.host);
    const asked = `${client.host}, asked to log in for ${origin}`;
    if (error instanceof ProxmoxError) return { finding: wrong(name, `${asked}: ${oneLine(error.text)}`, mend) };
    return { finding: unreachable(name, `${asked}: ${messageOf(error)}`, mend) };
  }
}

const answered = z.object({ data: z.string() });
const refused = z.object({ message: z.string() });

async function askNode(options: AuthUrlOptions, origin: string, signal: AbortSignal): Promise<Outcome> {
  const { host } = new URL(origin);
  const { name, mend } = wordsFor(host);
  const body = JSON.stringify({ realm: options.realm.realm, 'redirect-url': origin });
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  try {
    const { status, text } = await options.exchange(
      `${origin}/api2/json${ROUTE}`,
      { method: 'POST', headers, body },
      signal,
    );
    const answer = answered.safeParse(parseJson(text));
    if (status === 200 && answer.success) return judge(options, origin, host, answer.data.data);
    const why = refused.safeParse(parseJson(text)).data?.message ?? `status ${status}`;
    return { finding: wrong(name, `${host}, asked at its own address: ${oneLine(why)}`, mend) };
  } catch (error) {
    signal.throwIfAborted();
    const way = `ask on the node itself: pvesh create ${ROUTE} --realm ${options.realm.realm} --redirect-url ${origin}`;
    return { finding: unreachable(name, `${host}, to be asked at its own address: ${messageOf(error)}`, way) };
  }
}

function wordsFor(host: string) {
  return {
    name: 'realm.auth-url',
    mend: `on ${host}: can it reach the issuer (its proxy is the one in the datacenter options), does it trust its certificate, is its name right there`,
  } as const;
}

/** What Proxmox would send the browser away with, held against what the provider will ask for. */
function judge({ realm, document }: AuthUrlOptions, origin: string, host: string, text: string): Outcome {
  const name = 'realm.auth-url';
  if (!URL.canParse(text)) {
    return { finding: wrong(name, `${host} gives ${quoted(text)}, which is no address`, 'look into the realm') };
  }
  const { searchParams } = new URL(text);
  const endpoint = document?.authorization_endpoint;
  const faults = [
    ...(leadsTo(text, endpoint) ? [] : [`it leads to ${quoted(bareAddress(text))} and not to ${endpoint ?? 'https'}`]),
    ...differs(searchParams, 'redirect_uri', origin),
    ...differs(searchParams, 'client_id', realm.clientId),
    ...differs(searchParams, 'response_type', 'code'),
  ];
  if (faults.length > 0) {
    return { finding: wrong(name, `${host} for ${origin}: ${faults.join('; ')}`, 'entramox realm apply') };
  }
  const address = { origin, url: text };
  if (searchParams.get('code_challenge_method') !== 'S256') {
    return { address, finding: remark(name, `${host} begins a login for ${origin}, without PKCE`) };
  }
  return { address, finding: fine(name, `${host} finds the provider and begins a login for ${origin}`) };
}

/** To that address and no longer one; where it is not known, at least to an encrypted one. */
function leadsTo(text: string, endpoint: string | undefined): boolean {
  if (endpoint === undefined || !URL.canParse(endpoint)) return new URL(text).protocol === 'https:';
  return bareAddress(text) === bareAddress(endpoint);
}

function bareAddress(text: string): string {
  const { origin, pathname } = new URL(text);
  return `${origin}${pathname}`;
}

function differs(params: URLSearchParams, key: string, wanted: string): string[] {
  const seen = params.get(key);
  return seen === wanted ? [] : [`${key} is ${seen === null ? 'missing' : quoted(seen)} and not ${quoted(wanted)}`];
}
