const ALIASES: ReadonlyMap<string, string> = new Map([
  ['subject', 'sub'],
  ['username', 'preferred_username'],
]);

/** The claim of a token that PVE takes for a username-claim: some names are its own (PVE, API2/OpenId.pm). */
export function claimOf(usernameClaim: string): string {
  return ALIASES.get(usernameClaim) ?? usernameClaim;
}
