import { z } from 'zod';
import { whyNoRecipient } from '../sinks/age-recipients.js';
import { absolutePath } from './values.js';

export interface DeclaredAge {
  kind: 'age';
  path: string;
  recipients: readonly string[];
  /** Recipients, one a line, besides those of the declaration. */
  recipientsFile: string | undefined;
  /** undefined: what is stored cannot be read here. */
  identityFile: string | undefined;
  place: string;
}

const recipient = z.string().superRefine((text, context) => {
  const why = whyNoRecipient(text);
  if (why) context.addIssue({ code: 'custom', message: `expected a recipient of age, age1...: ${why}` });
});

export const ageSink = z
  .strictObject({
    type: z.literal('age'),
    path: absolutePath.optional(),
    recipients: z.array(recipient).max(64).default([]),
    recipients_file: absolutePath.optional(),
    identity_file: absolutePath.optional(),
  })
  .refine(({ recipients, recipients_file }) => recipients.length > 0 || recipients_file !== undefined, {
    path: ['recipients'],
    message: 'name at least one recipient, or a recipients_file',
  })
  .transform((given) => (name: string): DeclaredAge => {
    const path = given.path ?? `/root/.${name}_token.age`;
    return {
      kind: 'age',
      path,
      recipients: [...new Set(given.recipients)],
      recipientsFile: given.recipients_file,
      identityFile: given.identity_file,
      place: `${path} (age)`,
    };
  });
