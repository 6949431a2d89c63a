/**
 * Gives the text of a file that holds a secret, and makes the secret known to the redaction. Throws Rejected, with the
 * remedy, for one that others could read or replace. Handed in: the checks are those of the configuration.
 */
export type ReadSecret = (path: string) => string;
