import type { RealmDeclaration, RealmWish } from './declaration.js';

/** What one kind of provider adds to a wish. */
export interface Provider {
  /** Where the issuer follows from the wish; otherwise its mistakes. */
  issuerOf(wish: RealmWish): { ok: true; issuerUrl: string } | { ok: false; problems: string[] };
  defaults: Pick<RealmDeclaration, 'usernameClaim' | 'scopes' | 'queryUserinfo'>;
  /** Whether nobody can log in without a client key. */
  needsKey: boolean;
  /** What this provider in particular cannot do. */
  problemsOf(declared: RealmDeclaration): string[];
}
