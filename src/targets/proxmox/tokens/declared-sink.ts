import { z } from 'zod';
import { ageSink, type DeclaredAge } from './declared-sinks/age.js';
import { commandSink, type DeclaredCommand } from './declared-sinks/command.js';
import { credentialSink, type DeclaredCredential } from './declared-sinks/credential.js';
import { type DeclaredFile, defaultSink, fileSink } from './declared-sinks/file.js';
import { type DeclaredSystemdCreds, systemdCredsSink } from './declared-sinks/systemd-creds.js';
import { type DeclaredVault, vaultSink } from './declared-sinks/vault.js';

export { defaultSink };

export type DeclaredPlace =
  | DeclaredFile
  | DeclaredCredential
  | DeclaredSystemdCreds
  | DeclaredAge
  | DeclaredVault
  | DeclaredCommand;

/** Where the secret of a token is kept. `place`: in words; no two tokens may share one. */
export type DeclaredSink = DeclaredPlace | DeclaredSeveral;

/** One secret in several places; all of them have to take it. */
export interface DeclaredSeveral {
  kind: 'several';
  sinks: readonly [DeclaredPlace, ...DeclaredPlace[]];
  place: string;
}

type Named<T> = (name: string) => T;

const TYPES = ['file', 'credential', 'systemd-creds', 'age', 'vault', 'command'];

const onePlace = z.discriminatedUnion(
  'type',
  [fileSink, credentialSink, systemdCredsSink, ageSink, vaultSink, commandSink],
  {
    error: ({ code }) => (code === 'invalid_union' ? `expected one of ${TYPES.join(', ')}` : undefined),
  },
);

/** `sink` of an entry: "file", an object with a `type`, or a list of these. Gives the sink for the name of a token. */
export const declaredSink = z.unknown().transform((given, context): Named<DeclaredSink> => {
  const many = Array.isArray(given) ? given : [given];
  const read = many.map((one, index) => readPlace(one, Array.isArray(given) ? [index] : [], context));
  const [first, ...rest] = read.filter((place) => place !== undefined);
  if (!first) {
    if (many.length === 0) context.addIssue({ code: 'custom', message: 'name at least one place, or leave sink out' });
    return z.NEVER;
  }
  if (many.length > 8) context.addIssue({ code: 'custom', message: 'at most 8 places' });
  return (name) => {
    const sinks: [DeclaredPlace, ...DeclaredPlace[]] = [first(name), ...rest.map((place) => place(name))];
    if (rest.length === 0) return sinks[0];
    return { kind: 'several', sinks, place: sinks.map(({ place }) => place).join(', ') };
  };
});

/** The single places of a sink. */
export function placesOf(sink: DeclaredSink): readonly DeclaredPlace[] {
  return sink.kind === 'several' ? sink.sinks : [sink];
}

/** What two tokens must not have in common: the same file is the same, however its content is wrapped. */
export function addressOf(sink: DeclaredPlace): string {
  return 'path' in sink && sink.kind !== 'vault' ? sink.path : sink.place;
}

function readPlace(
  given: unknown,
  path: readonly PropertyKey[],
  context: z.RefinementCtx,
): Named<DeclaredPlace> | undefined {
  if (given === 'file') return defaultSink;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const message = 'expected "file", or an object such as {"type": "age", ...}';
    context.addIssue({ code: 'custom', path: [...path], message });
    return undefined;
  }
  const read = onePlace.safeParse(given);
  if (read.success) return read.data;
  for (const issue of read.error.issues) {
    context.addIssue({ code: 'custom', path: [...path, ...issue.path], message: issue.message });
  }
  return undefined;
}
