import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { renderStory } from '../../../../src/commands/render/audit.js';
import { storiesOf } from '../../../../src/telemetry/audit/story.js';
import { ALICE, BOB } from '../../domain/builders.js';
import { createPlace, type Place, step } from './fixture.js';

let place: Place;

beforeEach(() => {
  place = createPlace();
});
afterEach(() => place.remove());

const io = { out: () => undefined, err: () => undefined, terminal: false };

function tell(...records: Parameters<typeof step>[]): void {
  const audit = place.open();
  for (const record of records) audit.append(step(...record));
  audit.close();
}

describe("one person's story", () => {
  it('is told in order across rotated and packed files', async () => {
    tell(['create', { upn: 'alice@example.com' }], ['create', { oid: BOB, upn: 'bob@example.com' }]);
    writeFileSync(`${place.path}.2.gz`, gzipSync(readFileSync(place.path)));
    rmSync(place.path);
    tell(['groups', { upn: 'alice@example.com' }]);
    renameSync(place.path, `${place.path}.1`);
    tell(['lock', { upn: 'alice@example.com' }]);

    const stories = await storiesOf(place.path, 'Alice@Example.com');

    expect(stories.map(({ oid }) => oid)).toEqual([ALICE]);
    expect(stories[0]?.records.map(({ action }) => action)).toEqual(['create', 'groups', 'lock']);
  });

  it('is found by a former name and by the object id, whole each time', async () => {
    tell(
      ['create', { upn: 'alice@example.com' }],
      [
        'rename',
        { upn: 'a.new@example.com', before: { upn: 'alice@example.com' }, after: { upn: 'a.new@example.com' } },
      ],
      ['lock', { upn: 'a.new@example.com' }],
    );

    for (const who of ['alice@example.com', 'a.new@example.com', ALICE.toUpperCase()]) {
      const [story] = await storiesOf(place.path, who);
      expect([story?.records.length, story?.upns]).toEqual([3, ['alice@example.com', 'a.new@example.com']]);
    }
  });

  it('keeps two people apart who had one name', async () => {
    tell(['create', { upn: 'alice@example.com' }], ['create', { oid: BOB, upn: 'alice@example.com' }]);

    const stories = await storiesOf(place.path, 'alice@example.com');

    expect(stories.map(({ oid, records }) => [oid, records.length])).toEqual([
      [ALICE, 1],
      [BOB, 1],
    ]);
  });

  it('has the plans that list the person, and what was written before the chain', async () => {
    place.tell();
    place.setLines([
      JSON.stringify({ at: '2026-01-01T00:00:00.000Z', ...step('create', { upn: 'alice@example.com' }) }),
    ]);
    tell([
      'hold',
      {
        oid: undefined,
        after: [
          { oid: ALICE, upn: 'alice@example.com' },
          { oid: BOB, upn: 'b@example.com' },
        ],
      },
    ]);

    const [story] = await storiesOf(place.path, ALICE);

    expect(story?.records.map(({ action }) => action)).toEqual(['create', 'hold']);
  });

  it('is nothing for somebody who is not in the log', async () => {
    tell(['create', { upn: 'alice@example.com' }]);

    expect(await storiesOf(place.path, 'eve@example.com')).toEqual([]);
  });

  it('reads as one line for each record: when, what, from what to what, and who asked', async () => {
    const operator = { uid: 1000, name: 'carol', proof: 'kernel', claimed: 'carol' } as const;
    tell(
      [
        'lock',
        {
          upn: 'alice@example.com',
          before: { locked: false },
          after: { locked: true },
          plan: 'abc',
          correlation: 'c1',
        },
      ],
      [
        'approve',
        { target: undefined, name: undefined, by: 'operator', operator, outcome: 'failed', error: 'too late' },
      ],
    );

    const [story] = await storiesOf(place.path, ALICE);

    expect(story && renderStory(story, io)).toEqual([
      `alice@example.com (${ALICE})`,
      '2026-11-21 09:00:00 UTC  linux lock alice: done; locked false -> locked true  [sweep, plan abc, pass c1]',
      '2026-11-21 09:00:00 UTC  approve: failed; too late  [operator uid 1000 (carol), claims to be carol]',
    ]);
  });
});
