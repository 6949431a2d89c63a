import { existsSync, readFileSync } from 'node:fs';
import { createSecureContext, rootCertificates } from 'node:tls';
import type { Settings } from '../../config/settings.js';
import { messageOf } from '../../domain/errors.js';
import { exchange } from '../../entra/exchange.js';
import { createOutbound, type Outbound } from '../../entra/outbound.js';
import type { HttpExchange } from '../../targets/proxmox/realm/check/exchange.js';
import { fine, type RealmFinding, remark, wrong } from '../../targets/proxmox/realm/check/finding.js';
import type { PveProxy } from '../../targets/proxmox/realm/check/pve-proxy.js';
import { registerSecret } from '../../telemetry/redact.js';
import { openOutbound, trustedRoots } from '../parts/graph.js';

/** The ways that a check goes, closed by whoever opened them. */
export interface Ways {
  toProvider: HttpExchange;
  toNodes: HttpExchange;
  /** What is to be known of the first of them. */
  proxy: RealmFinding;
  close(): Promise<void>;
}

const PATIENCE_MS = 20_000;
/** Proxmox's library reads no more of a document. */
const LARGEST_BYTES = 1024 * 1024;
/** Signs the certificate of every node that has no other; there on a node alone. */
const NODE_AUTHORITY = '/etc/pve/pve-root-ca.pem';

/**
 * The way to the provider is Proxmox's own as far as it is known: through `http_proxy` of its datacenter options. Where
 * it has none, or does not show it, it is our own, which HTTPS_PROXY may lead elsewhere.
 */
export function openWays(settings: Settings, pve: PveProxy, issuerUrl: string): Ways {
  const { outbound, proxy } = wayOut(settings, pve, issuerUrl);
  const nodes = createOutbound({ secureContext: rootsOfNodes(settings) });
  return {
    toProvider: exchangeOver(outbound, pve.known && pve.url !== undefined),
    toNodes: exchangeOver(nodes, false),
    proxy,
    close: async () => {
      await Promise.all([outbound.close(), nodes.close()]);
    },
  };
}

function wayOut(settings: Settings, pve: PveProxy, issuerUrl: string): { outbound: Outbound; proxy: RealmFinding } {
  const name = 'idp.proxy';
  if (pve.known && pve.url !== undefined) {
    const url = URL.canParse(pve.url) ? new URL(pve.url) : undefined;
    const told = url && [url.username, url.password].map(decoded);
    if (url && told?.every((text) => text !== undefined) && /^https?:$/.test(url.protocol)) {
      registerSecret(url.password);
      registerSecret(told[1]);
      const secureContext = trustedRoots(settings.caFile);
      const saw = `Proxmox goes through the proxy ${url.protocol}//${url.host} of its datacenter options, and so does this check`;
      return {
        outbound: createOutbound({ proxy: { url: pve.url, noProxy: [] }, secureContext }),
        proxy: fine(name, saw),
      };
    }
    const saw = 'http_proxy of the datacenter options is no address of a proxy';
    const mend = 'Datacenter, Options, HTTP proxy: http://proxy.example.com:3128';
    return { outbound: openOutbound(settings), proxy: wrong(name, saw, mend) };
  }
  const outbound = openOutbound(settings);
  const own = outbound.proxyFor(issuerUrl);
  const here = own === undefined ? 'this check goes straight' : `this check goes through ${own}`;
  if (!pve.known) {
    const saw = `by which way Proxmox goes out is not shown to us; ${here}`;
    return { outbound, proxy: remark(name, saw, 'it takes Sys.Audit on /') };
  }
  if (own === undefined) return { outbound, proxy: fine(name, 'Proxmox goes straight, and so does this check') };
  const mend = 'where nodes need a proxy as well: Datacenter, Options, HTTP proxy';
  return { outbound, proxy: remark(name, `Proxmox goes straight, and ${here}`, mend) };
}

/** undefined where a percent sign is not followed by two digits. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function exchangeOver({ dispatcher }: Outbound, isPveProxy: boolean): HttpExchange {
  return async (url, { method = 'GET', headers, body }, signal) => {
    const limits = { dispatcher, timeoutMs: PATIENCE_MS, maxBytes: LARGEST_BYTES, signal };
    try {
      return await exchange(url, { method, headers, body }, limits);
    } catch (error) {
      signal.throwIfAborted();
      if (!isPveProxy) throw error;
      const text = messageOf(error).replaceAll('HTTPS_PROXY', 'of the datacenter options');
      throw new Error(text, { cause: error });
    }
  };
}

/** Nodes have certificates of their own authority as well as public ones. */
function rootsOfNodes({ caFile, proxmox }: Settings) {
  const files = [caFile, proxmox.caFile, existsSync(NODE_AUTHORITY) ? NODE_AUTHORITY : undefined];
  const own = files.flatMap((path) => (path === undefined ? [] : [readFileSync(path, 'utf8')]));
  return createSecureContext({ ca: [...rootCertificates, ...own] });
}
