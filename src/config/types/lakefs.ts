import type { MemberStrategy } from '../../domain/lakefs.js';
import { type ValueType, valueType } from '../value-type.js';

/** A policy's id as the path of a call can carry it. */
const POLICY = /^[^%\p{Cc}]{1,256}$/u;

/** Whether a text can be the id of a lakeFS policy. */
export function isPolicyName(word: string): boolean {
  return POLICY.test(word);
}

/** Names separated by commas alone, as the predecessor split them: a name may hold spaces. Empty text: none. */
export function policyList(): ValueType<readonly string[]> {
  const expected = 'names of policies, separated by commas';
  return valueType(expected, (text, wrong) => {
    const names = parts(text);
    const bad = names.filter((name) => !isPolicyName(name));
    return bad.length > 0 ? wrong(`${expected}; not so: ${bad.slice(0, 5).join(' ')}`) : [...new Set(names)];
  });
}

const STRATEGIES = 'id:{upn}, id-template:waad|{oid}, email, email:{upn}, friendly-name, friendly-name:{mail}';
const SHAPE = /^(id-template|id|email|friendly-name)(?::(.+))?$/;
/** What a strategy without a template compares with; an id has none of its own. */
const TEMPLATES: Readonly<Record<string, string>> = { email: '{mail}', 'friendly-name': '{upn}', id: '{upn}' };
const PLACEHOLDER = /\{([^{}]*)\}/g;
const PLACEHOLDERS = ['oid', 'upn', 'mail'];

/** An ordered list of the ways in which a person's lakeFS user is found. */
export function memberMatch(): ValueType<readonly MemberStrategy[]> {
  const expected = `ways to find a member's user, in order, separated by commas: ${STRATEGIES}`;
  return valueType(expected, (text, wrong) => {
    const words = parts(text);
    const strategies = words.map(readStrategy);
    const bad = words.filter((_, index) => strategies[index] === undefined);
    if (bad.length > 0) return wrong(`${expected}; not so: ${bad.slice(0, 5).join(' ')}`);
    return strategies.length > 0 ? (strategies as MemberStrategy[]) : wrong();
  });
}

function readStrategy(text: string): MemberStrategy | undefined {
  const [, kind, given] = SHAPE.exec(text) ?? [];
  const template = given ?? TEMPLATES[kind ?? ''];
  if (kind === undefined || template === undefined) return undefined;
  const placeholders = [...template.matchAll(PLACEHOLDER)].map((match) => match[1] ?? '');
  // A template that names nobody would make everybody the same user.
  if (placeholders.length === 0 || !placeholders.every((name) => PLACEHOLDERS.includes(name))) return undefined;
  return { field: kind === 'email' || kind === 'friendly-name' ? kind : 'id', template, text };
}

/** The address of a lakeFS server without `/api/v1` and a trailing slash. Plain http for this machine alone. */
export function lakefsUrl(): ValueType<string> {
  const expected =
    'the address of lakeFS: https://…, or http:// on this machine; without query, fragment and credentials';
  return valueType(expected, (text, wrong) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || url.hostname === '' || url.username || url.password || /[?#\s]/.test(text)) return wrong();
    const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback)) return wrong();
    const path = url.pathname
      .replace(/\/+$/, '')
      .replace(/\/api\/v1$/, '')
      .replace(/\/+$/, '');
    return `${url.origin}${path}`;
  });
}

function parts(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
}
