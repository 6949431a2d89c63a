import type { TokenDeclaration } from './declaration.js';
import type { ObservedToken } from './observed.js';
import { markOfToken, type TokenMark } from './token-mark.js';

/** One of the tokens that stand for the same declaration: `terraform`, `terraform-2`, `terraform-3`. */
export interface Member {
  /** Its token id. */
  name: string;
  /** 1: the declared name itself. */
  number: number;
  mark: TokenMark;
  token: ObservedToken;
}

type Tokens = ReadonlyMap<string, ObservedToken>;

/**
 * The tokens of a declaration, the oldest first. The name alone proves nothing: one that is not marked is somebody
 * else's, and one with a number belongs to the declaration that its mark names.
 */
export function familyOf(declared: string, tokens: Tokens): Member[] {
  return [...tokens]
    .flatMap(([name, token]): Member[] => {
      const number = numberIn(declared, name);
      const mark = markOfToken(token.comment);
      if (number === undefined || !mark) return [];
      const isOurs = number === 1 ? mark.family === undefined : mark.family === declared;
      return isOurs ? [{ name, number, mark, token }] : [];
    })
    .sort((a, b) => a.number - b.number);
}

/**
 * The token id that a declaration stands for now: the latest one whose secret is stored. `storedId` is the full id that
 * its sink names: a run that died between storing a secret and noting so has left a later one, which already is what
 * everybody gets. Where there is none, the declared name.
 */
export function currentTokenId(
  { owner, name }: Pick<TokenDeclaration, 'owner' | 'name'>,
  tokens: Tokens,
  storedId?: string | undefined,
): string {
  const members = familyOf(name, tokens);
  const current = members.findLast(
    (member) => member.mark.state === 'stored' || storedId === `${owner}!${member.name}`,
  );
  // One that is not ours and has the declared name is met as a conflict, not passed by.
  return current?.name ?? (tokens.has(name) ? name : (members.at(-1)?.name ?? name));
}

/** The id of the next one. Whether somebody else's token has it is for the caller to look at. */
export function nextTokenId(declared: string, tokens: Tokens): string {
  const last = familyOf(declared, tokens).at(-1);
  return `${declared}-${Math.max(last?.number ?? 1, 1) + 1}`;
}

/** Whether a full token id can be one of this declaration's, by its name alone. */
export function isNamedLike({ owner, name }: Pick<TokenDeclaration, 'owner' | 'name'>, fullTokenId: string): boolean {
  const prefix = `${owner}!`;
  return fullTokenId.startsWith(prefix) && numberIn(name, fullTokenId.slice(prefix.length)) !== undefined;
}

function numberIn(declared: string, name: string): number | undefined {
  if (name === declared) return 1;
  if (!name.startsWith(`${declared}-`)) return undefined;
  const rest = name.slice(declared.length + 1);
  return /^(?:[2-9]|[1-9]\d{1,6})$/.test(rest) ? Number(rest) : undefined;
}
