import { describe, expect, it } from 'vitest';
import { SourceUnavailable } from '../../../../src/domain/errors.js';
import { readAllPages } from '../../../../src/targets/lakefs/pages.js';
import { group, policy } from '../../../../src/targets/lakefs/schema.js';

interface Sent {
  ids?: string[];
  more?: boolean;
  next?: string;
  claimed?: number;
}

function page({ ids = [], more = false, next = '', claimed = ids.length }: Sent): unknown {
  const pagination = { has_more: more, next_offset: next, results: claimed, max_per_page: 0 };
  return { pagination, results: ids.map((id) => ({ id })) };
}

/** Reads these pages one after the other, the last one for ever. */
function read(...pages: unknown[]) {
  const asked: (string | undefined)[] = [];
  const items = readAllPages({
    what: 'its policies',
    item: policy,
    read: async (after) => {
      asked.push(after);
      return pages[Math.min(asked.length, pages.length) - 1];
    },
  });
  return { items, asked };
}

describe('a listing', () => {
  it('is read from the offset of each page to its end', async () => {
    const { items, asked } = read(page({ ids: ['a', 'b'], more: true, next: 'b' }), page({ ids: ['c'] }));

    expect((await items).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(asked).toEqual([undefined, 'b']);
  });

  it.each([
    ['an offset that stays where it is', [page({ ids: [], more: true, next: 'string' })], 'does not advance'],
    ['an offset that is empty', [page({ ids: ['a'], more: true, next: '' })], 'does not advance'],
    ['an item that comes twice', [page({ ids: ['a', 'a'] })], 'twice'],
    ['a page that claims to be longer', [page({ ids: ['a'], claimed: 2 })], 'claims 2'],
    ['an answer of another shape', [{ results: [] }], 'unexpected shape'],
    ['an item without an id', [{ ...(page({}) as object), results: [{}], pagination: undefined }], 'unexpected shape'],
    ['an empty answer', [undefined], 'unexpected shape'],
    ['an id that is far too long', [page({ ids: ['x'.repeat(1025)] })], 'unexpected shape'],
  ])('is nothing with %s', async (_, pages, words) => {
    const error = await read(...pages).items.catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(SourceUnavailable);
    expect((error as Error).message).toContain(words);
  });

  it('that is larger than any is given up before it fills memory', async () => {
    let number = 0;
    const items = readAllPages({
      what: 'its groups',
      item: group,
      read: async () => {
        number += 1;
        const entry = { id: `${number}`, description: 'x'.repeat(16 * 1024 * 1024) };
        return { ...(page({ more: true, next: `${number}`, claimed: 1 }) as object), results: [entry] };
      },
    });

    await expect(items).rejects.toThrow('more of its groups than is read');
    expect(number).toBeLessThan(20);
  });

  it('that never ends is given up', async () => {
    let number = 0;
    const items = readAllPages({
      what: 'its groups',
      item: policy,
      read: async () => {
        number += 1;
        return page({ ids: [`group ${number}`], more: true, next: `group ${number}` });
      },
    });

    await expect(items).rejects.toThrow('without an end: 1000 pages');
    expect(number).toBe(1000);
  });
});
