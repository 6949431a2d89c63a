import { readFile } from 'node:fs/promises';
import { Low } from 'lowdb';
import { z } from 'zod';
import { messageOf } from '../../domain/errors.js';
import { parseGuid } from '../../domain/identity.js';
import { replaceFile } from '../../durable/replace-file.js';
import type { DeltaQuery } from '../../entra/delta-hints.js';

/** Where a delta query goes on. Times are epoch ms. */
export interface KeptLink {
  query: DeltaQuery;
  link: string;
  /** When Graph gave this link; a link that was merely repeated keeps its age. */
  issuedAt: number;
}

/** The durable record of the delta links. */
export interface LinkStore {
  list(): readonly KeptLink[];
  /** Durable when it resolves; what is in memory never is ahead of the disk. */
  replace(links: readonly KeptLink[]): Promise<void>;
}

/** Which Entra the links are of: those of another one are worth nothing. */
export interface LinkOrigin {
  tenantId: string;
  graphBaseUrl: string;
}

export interface LinkStoreOptions extends LinkOrigin {
  path: string;
  /** The file cannot be used, and why: catch-up starts afresh. */
  complain: (why: string) => void;
}

const VERSION = 1;

const id = z.string().refine((text) => parseGuid(text) === text, 'is not an object id');
const storeSchema = z.object({
  version: z.literal(VERSION),
  tenantId: z.string(),
  graphBaseUrl: z.string(),
  links: z.array(
    z.object({
      kind: z.enum(['users', 'groups']),
      /** null: the whole collection. */
      ids: z.array(id).max(50).nullable(),
      link: z.url(),
      issuedAt: z.number().int().nonnegative(),
    }),
  ),
});

type StoreData = z.infer<typeof storeSchema>;

/** Opens the file at `path`. One that is broken, of a newer version or of another tenant counts as empty. */
export async function openLinkStore({ path, complain, ...origin }: LinkStoreOptions): Promise<LinkStore> {
  const empty: StoreData = { version: VERSION, ...origin, links: [] };
  const low = new Low<StoreData>(
    {
      read: () => readStore(path, complain),
      write: (data) => replaceFile(path, `${JSON.stringify(data)}\n`, { mode: 0o640 }),
    },
    empty,
  );
  await low.read();
  if (low.data.tenantId !== origin.tenantId || low.data.graphBaseUrl !== origin.graphBaseUrl) low.data = empty;
  const host = new URL(origin.graphBaseUrl).origin;
  if (low.data.links.some(({ link }) => new URL(link).origin !== host)) {
    complain(`a link in it does not lead to ${host}`);
    low.data = empty;
  }
  return {
    list: () => low.data.links.map(fromRow),
    async replace(links) {
      const before = low.data;
      low.data = { ...empty, links: links.map(toRow) };
      try {
        await low.write();
      } catch (error) {
        low.data = before;
        throw error;
      }
    },
  };
}

/** Links that end with the process, for a dry run, which writes nothing anywhere. */
export function linksInMemory(): LinkStore {
  let kept: readonly KeptLink[] = [];
  return {
    list: () => kept,
    async replace(links) {
      kept = links;
    },
  };
}

async function readStore(path: string, complain: (why: string) => void): Promise<StoreData | null> {
  try {
    return storeSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') complain(whyOf(error));
    return null;
  }
}

function whyOf(error: unknown): string {
  if (!(error instanceof z.ZodError)) return messageOf(error);
  const where = error.issues.map((issue) => issue.path.join('.') || 'the whole').slice(0, 5);
  return `it is not a record of delta links (wrong: ${where.join(', ')})`;
}

type Row = StoreData['links'][number];

function fromRow({ kind, ids, link, issuedAt }: Row): KeptLink {
  return { query: { kind, ids: ids ?? undefined }, link, issuedAt };
}

function toRow({ query, link, issuedAt }: KeptLink): Row {
  return { kind: query.kind, ids: query.ids ? [...query.ids] : null, link, issuedAt };
}
