import type { UsernameRule } from './policy.js';

export type UnixName = { ok: true; name: string } | { ok: false; why: string };

/** The pattern that the account agent enforces too: 2 to 32 characters that every shadow tool and sudo take alike. */
export const UNIX_NAME = /^[a-z][a-z0-9_-]{0,30}[a-z0-9]$/;

/** Words that sudoers reads as something else than a user, whatever the case. */
const MEANINGFUL = new Set(['all', 'root', 'nobody', 'default', 'defaults']);

const LOCAL_CHARACTERS = /^[A-Za-z0-9._-]+$/;

/**
 * The Unix name of a user principal name: the part before the `@` (useronly) or the whole (upn_concat), dots turned
 * into underscores, cut to the maximum length. Characters that would have to be guessed at (quotes, spaces, `#EXT#`,
 * letters beyond ASCII) are refused rather than replaced, so that two people do not silently become one.
 */
export function unixNameOf(upn: string, rule: UsernameRule): UnixName {
  const at = upn.lastIndexOf('@');
  if (at <= 0 || at === upn.length - 1) return { ok: false, why: `"${shorten(upn)}" is not a user principal name` };
  const local = upn.slice(0, at);
  const domain = upn.slice(at + 1);
  const raw = rule.mode === 'useronly' ? local : `${local}${rule.separator}${domain}`;
  if (!LOCAL_CHARACTERS.test(raw)) {
    return { ok: false, why: `"${shorten(upn)}" has characters that a Unix name cannot carry` };
  }
  const cased = rule.lowercase ? raw.toLowerCase() : raw;
  const name = cased
    .replaceAll('.', '_')
    .slice(0, Math.min(rule.maxLength, 32))
    .replace(/[_-]+$/, '');
  if (MEANINGFUL.has(name.toLowerCase())) return { ok: false, why: `"${name}" is a reserved name` };
  if (!UNIX_NAME.test(name)) return { ok: false, why: `"${shorten(name)}" is not a safe Unix name` };
  return { ok: true, name };
}

/** The comment field of the account: the display name without what /etc/passwd cannot hold. */
export function gecosOf(displayName: string): string {
  const plain = displayName
    .toWellFormed()
    .replaceAll(/[:,\p{Cc}]+/gu, ' ')
    .trim();
  // By code points: half a letter is no letter.
  return [...plain].slice(0, 100).join('').trim();
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
