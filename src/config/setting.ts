import type { ValueType } from './value-type.js';

/** One name of the configuration: what it takes, what holds without it, and what to tell an operator. */
export interface Setting<T, Kind extends 'defaulted' | 'optional' = 'defaulted' | 'optional'> {
  kind: Kind;
  type: ValueType<T>;
  /** The default as one would write it; `{NAME}` in it stands for another setting. Undefined: none. */
  default: string | undefined;
  /** What the setting does, for config.example.env. */
  about: string;
  /** A value that is accepted. */
  example: string;
  secret: boolean;
  /** Of a secret that may be seen in part: what of its text may not, and the text without that. */
  parts?: SecretParts | undefined;
  /** An empty value is a statement of its own ("none") instead of "as if it were not there". */
  blankCounts: boolean;
}

/** What of a setting's text is secret, and how the text is shown without it. */
export interface SecretParts {
  secretsIn(text: string): string[];
  shownAs(text: string): string;
}

interface Words {
  about: string;
  example: string;
}

/** A setting that always has a value. */
export function defaulted<T>(
  type: ValueType<T>,
  text: string,
  { about, example = text, blankCounts = false }: Pick<Words, 'about'> & { example?: string; blankCounts?: boolean },
): Setting<T, 'defaulted'> {
  return { kind: 'defaulted', type, default: text, about, example, secret: false, blankCounts };
}

/** A setting that may be missing. */
export function optional<T>(type: ValueType<T>, words: Words): Setting<T, 'optional'> {
  return { kind: 'optional', type, default: undefined, ...words, secret: false, blankCounts: false };
}

/**
 * A setting whose value nobody may see. It may also stand in a file that `NAME_FILE` names, or in a systemd
 * credential of the lower-case dashed name.
 */
export function secret<T>(type: ValueType<T>, words: Words): Setting<T, 'optional'> {
  return { ...optional(type, words), secret: true };
}

/** A setting with a secret in it, given like any secret; the rest of its value is shown. */
export function secretInPart<T>(type: ValueType<T>, parts: SecretParts, words: Words): Setting<T, 'optional'> {
  return { ...secret(type, words), parts };
}

/** The value that a setting has once the configuration is accepted. */
export type ValueOf<S> =
  S extends Setting<infer T, infer Kind> ? (Kind extends 'defaulted' ? T : T | undefined) : never;
