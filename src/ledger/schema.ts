import { z } from 'zod';
import { LAKEFS_PERMISSIONS } from '../domain/lakefs.js';
import type { LedgerDocument } from './document.js';

const guid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const time = z.number().int().nonnegative();
const target = z.enum(['linux', 'proxmox', 'lakefs']);
const targets = z.array(target).optional();
const removal = { oid: guid, kind: z.enum(['lock', 'delete']), targets };
const takes = z.array(z.string()).optional();

const heldRemoval = z.object({
  ...removal,
  upn: z.string().optional(),
  reason: z.string().optional(),
  steps: z.array(z.string()),
  takes,
  clockDoubted: z.boolean().optional(),
  asked: z.boolean().optional(),
});

const seenPlan = z.object({
  kind: z.enum(['held', 'rejected', 'first-run']),
  hash: z.string(),
  since: time,
  lines: z.array(
    z.object({ oid: guid, upn: z.string(), what: z.enum(['lock', 'delete', 'change']), same: z.string() }),
  ),
});

const firstRun = z.discriminatedUnion('state', [
  z.object({
    state: z.literal('waiting'),
    hash: z.string(),
    since: time,
    changes: z.array(z.object({ oid: guid, upn: z.string(), steps: z.array(z.string()), does: z.array(z.string()) })),
  }),
  z.object({ state: z.literal('begun'), at: time }),
]);

const release = z.object({ at: time, by: z.enum(['operator', 'host']) });

const entry = z.object({
  oid: guid,
  upn: z.string(),
  displayName: z.string(),
  state: z.enum(['active', 'suspended', 'grace', 'deleted']),
  since: time,
  reason: z.string().optional(),
  deleteAt: time.optional(),
  suspicion: z
    .object({ since: time, by: z.enum(['notification', 'reading']), doubted: z.boolean().optional() })
    .optional(),
  groups: z.array(guid),
  names: z.object({ linux: z.string().optional(), proxmox: z.string().optional() }),
  uid: z.number().int().positive().optional(),
  groupsUnknown: z.literal(true).optional(),
  released: z.object({ linux: release.optional(), proxmox: release.optional() }).optional(),
  retired: z.array(z.string()),
  conflicts: z.array(z.object({ target, what: z.string(), remedy: z.string(), since: time })),
  problem: z.string().optional(),
});

const suspicion = z.object({
  since: time,
  by: z.enum(['notification', 'reading']),
  doubted: z.boolean().optional(),
});

const note = z.object({ what: z.string(), remedy: z.string(), since: time });

const lakefs = z.object({
  groups: z.record(
    guid,
    z.object({
      groupId: guid,
      displayName: z.string(),
      name: z.string(),
      id: z.string().optional(),
      origin: z.enum(['made', 'adopted', 'found']),
      since: time,
      policies: z.array(z.string()),
      acl: z.enum(LAKEFS_PERMISSIONS).optional(),
      members: z.record(guid, z.string()),
      missingSince: time.optional(),
      graceSince: time.optional(),
      deleteAt: time.optional(),
      conflict: note.optional(),
      strangers: z.object({ users: z.array(z.string()), count: z.number().int().positive() }).optional(),
      problem: z.string().optional(),
    }),
  ),
  conflicts: z.record(guid, note.extend({ displayName: z.string() })).optional(),
  people: z.record(
    guid,
    z.object({
      oid: guid,
      upn: z.string(),
      mail: z.string().optional(),
      suspicion: suspicion.optional(),
      pendingSince: time.optional(),
      conflict: note.optional(),
      problem: z.string().optional(),
    }),
  ),
});

const document = z.object({
  version: z.literal(1),
  identities: z.record(guid, entry),
  groups: z.record(guid, z.object({ members: z.number().int().nonnegative(), at: time })),
  guard: z.object({
    window: z.array(z.object({ ...removal, at: time })),
    held: z
      .object({
        hash: z.string(),
        since: time,
        by: z.enum(['sweep', 'targeted']),
        why: z.string(),
        removals: z.array(heldRemoval),
      })
      .optional(),
    approved: z.array(z.object({ ...removal, takes, until: time })),
    rejected: z
      .array(heldRemoval.extend({ plan: z.string(), at: time, until: time, claimedUser: z.string().optional() }))
      .optional(),
    decisions: z
      .array(
        z.object({
          hash: z.string(),
          decision: z.enum(['approved', 'rejected']),
          at: time,
          claimedUser: z.string().optional(),
        }),
      )
      .optional(),
    seen: z.array(seenPlan).optional(),
  }),
  firstRun: firstRun.optional(),
  lastSweep: z
    .object({
      startedAt: time,
      finishedAt: time,
      result: z.enum(['done', 'held', 'degraded', 'failed']),
      identities: z.number(),
      applied: z.number(),
      failed: z.number(),
      why: z.string().optional(),
    })
    .optional(),
  lastGoodSweepAt: time.optional(),
  clock: z
    .object({
      wall: time,
      bootId: z.string(),
      uptimeMs: z.number().nonnegative(),
      doubt: z
        .object({
          since: time,
          why: z.string(),
          before: z.object({ wall: time, bootId: z.string(), uptimeMs: z.number().nonnegative() }).optional(),
          countdowns: z.record(guid, time).optional(),
        })
        .optional(),
    })
    .optional(),
  lakefs: lakefs.optional(),
});

/** The document in this text. Throws an Error that says what is wrong and where, never a guess at a repair. */
export function parseLedger(text: string): LedgerDocument {
  const raw: unknown = JSON.parse(text);
  const version = typeof raw === 'object' && raw !== null && 'version' in raw ? raw.version : undefined;
  if (typeof version === 'number' && version > 1) {
    throw new Error(`it is of version ${version}, this program knows version 1: install the newer release again`);
  }
  const result = document.safeParse(raw);
  if (result.success) return checked(result.data);
  const first = result.error.issues[0];
  throw new Error(`at ${first?.path.join('.') || 'the top'}: ${first?.message ?? 'not a ledger'}`);
}

/** What the shape alone does not tell: every entry stands under its own object id. */
function checked(data: LedgerDocument): LedgerDocument {
  for (const [key, { oid }] of Object.entries(data.identities)) {
    if (key !== oid) throw new Error(`at identities.${key}: it holds the entry of ${oid}`);
  }
  for (const [key, { groupId }] of Object.entries(data.lakefs?.groups ?? {})) {
    if (key !== groupId) throw new Error(`at lakefs.groups.${key}: it holds the entry of ${groupId}`);
  }
  return data;
}
