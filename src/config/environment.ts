/** Variables of a process by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of this process: the only place where it is read. */
export function processEnvironment(): Environment {
  return { ...process.env };
}
