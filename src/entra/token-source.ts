export interface TokenWish {
  /** The claims challenge of a 401, as JSON. */
  claims?: string | undefined;
  /** Past every cache: the token at hand was refused. */
  forceRefresh?: boolean | undefined;
}

/** Gives an access token, or throws SourceUnavailable in words. */
export type TokenSource = (wish: TokenWish) => Promise<string>;
