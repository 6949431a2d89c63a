import { isIP } from 'node:net';
import { type ValueType, valueType } from '../value-type.js';
import { type HostRule, readHostRule } from './host-rule.js';
import { words } from './lists.js';

const MASK = '[redacted]';

/**
 * An http proxy: `http://proxy.example.com:3128`, with https where the proxy itself speaks TLS, and with
 * `user:password@` where it asks for them. A name without a scheme is taken as http, as curl takes it.
 */
export function proxyUrl(): ValueType<string> {
  const expected =
    'a proxy that takes CONNECT: http://[user:password@]host:port, or https://… where the proxy speaks TLS; special characters of the password percent-encoded';
  return valueType(expected, (text, wrong) => {
    const url = asUrl(text);
    if (!url || !/^https?:$/.test(url.protocol) || url.hostname === '') return wrong();
    if (url.search || url.hash || !/^\/?$/.test(url.pathname) || /[?#\s]/.test(text)) return wrong();
    if (decoded(url.username) === undefined || decoded(url.password) === undefined) return wrong();
    return url.href.replace(/\/$/, '');
  });
}

/** What of a proxy's URL nobody may see, in each spelling that could be met. */
export function proxySecrets(text: string): string[] {
  const url = asUrl(text);
  // What cannot be read is masked whole: a password may stand anywhere in it.
  if (!url) return text.includes('@') ? [text] : [];
  if (!url.username && !url.password) return [];
  const user = decoded(url.username) ?? url.username;
  const password = decoded(url.password) ?? url.password;
  const pair = `${user}:${password}`;
  return [url.password, password, `${url.username}:${url.password}`, pair, Buffer.from(pair).toString('base64')];
}

/** A proxy's URL as it may be shown: without user and password. */
export function shownProxy(text: string): string {
  const url = asUrl(text);
  if (!url || url.hostname === '') return text.includes('@') ? MASK : text;
  return `${url.protocol}//${url.username || url.password ? `${MASK}@` : ''}${url.host}`;
}

/** Hosts that are reached without the proxy. Every wrong entry is named. */
export function noProxy(): ValueType<readonly HostRule[]> {
  const expected =
    '*, host names (each with everything below it), addresses and subnets, each with an optional :port, separated by commas or spaces';
  return valueType(expected, (text, wrong) => {
    const entries = words(text);
    const rules = entries.map(readHostRule);
    const bad = entries.filter((_, index) => rules[index] === undefined);
    if (bad.length > 0) return wrong(`${expected}; not so: ${bad.join(' ')}`);
    return rules.filter((rule) => rule !== undefined);
  });
}

function asUrl(text: string): URL | undefined {
  const trimmed = text.trim();
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `http://${trimmed}`;
  if (!URL.canParse(whole)) return undefined;
  const url = new URL(whole);
  // A slash in a password ends the host for URL, which then shows the half before it as a port.
  if (text.includes('@') && !url.username && !url.password) return undefined;
  return url.hostname === '' || isUsable(url.hostname) ? url : undefined;
}

/** URL takes names that no resolver knows, such as `a,b`. */
function isUsable(hostname: string): boolean {
  return isIP(hostname.replace(/^\[|\]$/g, '')) !== 0 || /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?$/i.test(hostname);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
