import { z } from 'zod';

const code = z.enum(['invalid', 'refused', 'conflict', 'too-early', 'ceiling', 'busy', 'failed']);

/** One line of the agent. Fields that a newer agent adds are let pass. */
export const replySchema = z.discriminatedUnion('ok', [
  z.object({ id: z.number().nullable(), ok: z.literal(true), result: z.unknown() }),
  z.object({
    id: z.number().nullable(),
    ok: z.literal(false),
    error: z.object({
      code,
      message: z.string(),
      remedy: z.string().optional(),
      blocked: z.enum(['policy', 'tools']).optional().catch(undefined),
    }),
  }),
]);

export type AgentFailure = Extract<z.infer<typeof replySchema>, { ok: false }>['error'];

const accountSchema = z.object({
  oid: z.string(),
  name: z.string(),
  uid: z.number(),
  state: z.enum(['whole', 'partial', 'deleted']),
  locked: z.boolean(),
  adopted: z.boolean().optional(),
  halfLocked: z.boolean().optional(),
  gecos: z.string(),
  groups: z.array(z.string()),
  sudo: z.boolean(),
});

const nameSchema = z.object({
  name: z.string(),
  state: z.enum(['free', 'ours', 'foreign', 'reserved', 'tombstoned', 'invalid']),
  why: z.string().optional(),
  released: z.literal(true).optional(),
  remedy: z.string().optional(),
  uid: z.number().optional(),
  otherUid: z.number().optional(),
  account: z
    .object({
      name: z.string(),
      uid: z.number(),
      gecos: z.string(),
      home: z.string(),
      shell: z.string(),
      groups: z.array(z.string()),
      allGroups: z.array(z.string()),
      locked: z.boolean(),
      sudo: z.boolean(),
      obstacle: z.string().optional(),
    })
    .optional(),
});

/** What `observe` answers: every field that a decision rests on must be there. */
export const observeSchema = z.object({
  accounts: z.array(accountSchema),
  names: z.record(z.string(), nameSchema),
  troubles: z.array(z.string()).default([]),
  tools: z.array(z.string()).default([]),
});

/** What the writing verbs tell beside their success. */
export const notesSchema = z.object({
  notes: z.array(z.string()).default([]),
  archive: z.string().nullish(),
  leftovers: z.array(z.string()).default([]),
});

export type ObservedAccount = z.infer<typeof accountSchema>;
export type ObservedName = z.infer<typeof nameSchema>;
