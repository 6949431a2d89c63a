import { z } from 'zod';

/** How the text of a setting becomes its value. `expected` says in words which texts are accepted. */
export interface ValueType<T> {
  expected: string;
  schema: z.ZodType<T, string>;
}

/** A value type from a function that returns the value, or `wrong(...)` with what it expected instead. */
export function valueType<T>(expected: string, read: (text: string, wrong: Wrong) => T | typeof z.NEVER): ValueType<T> {
  const schema = z.string().transform((text, context): T => {
    const wrong: Wrong = (why = expected) => {
      context.addIssue({ code: 'custom', message: why });
      return z.NEVER;
    };
    return read(text.trim(), wrong);
  });
  return { expected, schema };
}

/** Refuses the text; without words of its own, the type's `expected` is told. */
export type Wrong = (why?: string) => typeof z.NEVER;
