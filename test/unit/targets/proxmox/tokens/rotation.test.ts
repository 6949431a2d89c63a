import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDeclarations, type TokenDeclaration } from '../../../../../src/targets/proxmox/tokens/declaration.js';
import { currentTokenId } from '../../../../../src/targets/proxmox/tokens/family.js';
import type { SecretState } from '../../../../../src/targets/proxmox/tokens/plan.js';
import { planRotation, type RotationWish } from '../../../../../src/targets/proxmox/tokens/rotation.js';
import { overlapOf } from '../../../../../src/targets/proxmox/tokens/rotation-due.js';
import { type TokenMark, tokenComment } from '../../../../../src/targets/proxmox/tokens/token-mark.js';

const DAY_MS = 86_400_000;
const NOW = Date.parse('2026-11-22T09:00:00Z');

function declare(changes: object = {}): TokenDeclaration {
  const entry = { name: 'terraform', ugid: 'terraform-prov@pve', role: 'R', privileges: ['VM.Audit'], ...changes };
  const read = readDeclarations(JSON.stringify({ token_setup: [entry] }), NOW);
  if (!read.ok || !read.tokens[0]) throw new Error('it is well declared');
  return read.tokens[0];
}

interface Given {
  changes?: object;
  marks: Record<string, Partial<TokenMark> | 'foreign'>;
  secret?: SecretState['state'];
  wish?: RotationWish;
  canRegenerate?: boolean;
  taken?: string[];
  expire?: number;
  believedUntil?: number;
  isScattered?: boolean;
}

function plan(given: Given) {
  const { changes, marks, secret = 'valid', wish = 'due', canRegenerate = true, taken = [], expire = 0 } = given;
  const { believedUntil, isScattered } = given;
  const declared = declare(changes);
  const tokens = new Map(
    Object.entries(marks).map(([name, mark]) => {
      const family = name === declared.name ? undefined : declared.name;
      const comment = mark === 'foreign' ? 'by hand' : tokenComment('', { state: 'stored', family, ...mark });
      return [name, { comment, expire, privsep: true }];
    }),
  );
  const name = currentTokenId(declared, tokens, undefined);
  const token = name === declared.name ? declared : { ...declared, name, family: declared.name };
  const standing = { token, secret: { state: secret } as SecretState, isScattered };
  const rotation = planRotation({
    standing,
    tokens,
    taken: new Set(taken),
    wish,
    canRegenerate,
    now: NOW,
    believedUntil,
  });
  return { ...rotation, told: rotation.steps.map((step) => `${step.do} ${step.name}`) };
}

const ago = (days: number) => NOW - days * DAY_MS;

describe('a rotation', () => {
  it.each<[string, Given, string[]]>([
    ['nothing where nothing is declared', { marks: { terraform: { since: ago(999) } } }, []],
    ['nothing before its time', { changes: { rotate_every: '30d' }, marks: { terraform: { since: ago(29) } } }, []],
    [
      'a new token when its time has come',
      { changes: { rotate_every: '30d' }, marks: { terraform: { since: ago(30) } } },
      ['succeed terraform-2', 'supersede terraform'],
    ],
    [
      'a new token where nobody knows how old the present one is',
      { changes: { rotate_every: '30d' }, marks: { terraform: {} } },
      ['succeed terraform-2', 'supersede terraform'],
    ],
    [
      'the end of an overlap that is over',
      { marks: { terraform: { since: ago(9), revokeAfter: ago(1) }, 'terraform-2': { since: ago(8) } } },
      ['revoke terraform'],
    ],
    [
      'a date for a former one that has none, since a run died',
      { marks: { terraform: { since: ago(9) }, 'terraform-2': { since: ago(8) } } },
      ['supersede terraform'],
    ],
    [
      'what a run that died has left, and the rotation that it began',
      { marks: { terraform: { since: ago(9) }, 'terraform-2': { state: 'pending', since: ago(8) } } },
      ['discard terraform-2', 'succeed terraform-2', 'supersede terraform'],
    ],
    [
      'first something new, where nobody can tell whose secret lies in a sealed place',
      {
        marks: { terraform: { since: ago(9) }, 'terraform-2': { state: 'pending', since: ago(8) } },
        secret: 'sealed',
      },
      ['succeed terraform-3', 'supersede terraform', 'discard terraform-2'],
    ],
    [
      'nothing to the one that counts, though its mark says that its time is over',
      { marks: { terraform: { since: ago(9), revokeAfter: ago(1) } } },
      [],
    ],
  ])('asks when it is due: %s', (_what, given, expected) => {
    expect(plan(given).told).toEqual(expected);
    expect(plan(given).problem).toBeUndefined();
  });

  it('ends no overlap by a clock that has jumped ahead, and ends it once the clock is believed', () => {
    const marks = { terraform: { since: ago(9), revokeAfter: ago(1) }, 'terraform-2': { since: ago(8) } };

    expect(plan({ marks, believedUntil: ago(2) }).told).toEqual([]);
    expect(plan({ marks, believedUntil: ago(1) }).told).toEqual(['revoke terraform']);
  });

  it('that somebody asks for is not done twice while an overlap runs', () => {
    const rotation = plan({
      marks: { terraform: { since: ago(9), revokeAfter: ago(-3) }, 'terraform-2': { since: ago(4) } },
      wish: 'asked',
    });

    expect(rotation.told).toEqual([]);
    expect(rotation.why).toMatch(/terraform-prov@pve!terraform is revoked after 2026-11-25T09:00:00Z/);
  });

  it.each(['refused', 'absent', 'of-another'] as const)(
    'that somebody asks for is done while an overlap runs where the secret is %s, since nobody gets a working one',
    (secret) => {
      const { told } = plan({
        marks: { terraform: { since: ago(9), revokeAfter: ago(-3) }, 'terraform-2': { since: ago(4) } },
        wish: 'asked',
        secret,
      });

      expect(told).toEqual(['succeed terraform-3', 'supersede terraform-2']);
    },
  );

  it.each<[SecretState['state'], RegExp | undefined]>([
    ['valid', undefined],
    ['sealed', undefined],
    ['refused', /Proxmox refuses the secret in/],
    ['absent', /no secret of it lies in/],
    ['of-another', /the secret of another token lies in/],
  ])('that is not due is told to a timer as a problem where the secret is not one that works: %s', (secret, why) => {
    const { told, problem } = plan({ marks: { terraform: { since: ago(1) } }, secret });

    expect(told).toEqual([]);
    if (why)
      expect(problem).toMatchObject({ why: expect.stringMatching(why), remedy: expect.stringMatching(/rotate/) });
    else expect(problem).toBeUndefined();
  });

  it('takes away what a run that died has left only after something new, where a place may have its secret', () => {
    const marks = { terraform: { since: ago(9) }, 'terraform-2': { state: 'pending' as const, since: ago(8) } };

    expect(plan({ marks, isScattered: true }).told).toEqual([
      'succeed terraform-3',
      'supersede terraform',
      'discard terraform-2',
    ]);
  });

  it.each<[string, Partial<Given>, RegExp]>([
    ["somebody else's", { marks: { terraform: {}, 'terraform-2': 'foreign' } }, /terraform-2.* not marked as ours/],
    [
      "another declaration's",
      { marks: { terraform: {} }, taken: ['terraform-2'] },
      /terraform-2.* is another declaration/,
    ],
  ])('is not begun where the next name is %s', (_what, given, why) => {
    const rotation = plan({ marks: {}, wish: 'asked', ...given });

    expect(rotation.told).toEqual([]);
    expect(rotation.problem?.why).toMatch(why);
  });

  it("never takes away what counts, unless something new came before, and nothing of somebody else's", () => {
    const state = fc.constantFrom('stored' as const, 'pending' as const);
    const days = (min: number, max: number) => fc.option(fc.integer({ min, max }).map(ago), { nil: undefined });
    const mark = fc.record({ state, since: days(0, 200), revokeAfter: days(-100, 100) });
    const names = fc.constantFrom('terraform', 'terraform-2', 'terraform-3', 'terraform-4');
    const world = fc.dictionary(names, fc.oneof(fc.constant('foreign' as const), mark));
    const wishes = fc.constantFrom<RotationWish[]>('due', 'asked', 'immediate');
    const secrets = fc.constantFrom<SecretState['state'][]>(
      'valid',
      'refused',
      'absent',
      'sealed',
      'of-another',
      'unreadable',
    );

    fc.assert(
      fc.property(world, wishes, secrets, fc.boolean(), (marks, wish, secret, canRegenerate) => {
        const given = { marks, wish, secret, canRegenerate, changes: { rotate_every: '90d' } };
        const { steps, standing } = plan(given);

        const made = steps.findIndex((step) => step.do === 'succeed');
        for (const [index, step] of steps.entries()) {
          const there = marks[step.name];
          expect(there).not.toBe('foreign');
          if (step.do === 'succeed') expect([undefined, 'pending']).toContain((there as TokenMark | undefined)?.state);
          const takesAway = step.do === 'revoke' || step.do === 'supersede' || step.do === 'discard';
          if (takesAway && step.name === standing.token.name) expect(made >= 0 && made < index).toBe(true);
          if (step.do === 'discard') expect(there).toMatchObject({ state: 'pending' });
          if (step.do === 'revoke' && wish === 'due') expect(there).toMatchObject({ revokeAfter: expect.any(Number) });
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('the overlap', () => {
  it.each<[object, number]>([
    [{}, 7],
    [{ rotate_every: '90d' }, 7],
    [{ rotate_every: '4d' }, 2],
    [{ expire: '10d' }, 5],
    [{ rotate_every: '30d', rotate_overlap: '10d' }, 10],
  ])('of %j is %i days', (changes, days) => {
    expect(overlapOf(declare(changes))).toBe(days * DAY_MS);
  });

  it.each([
    { rotate_every: '7d', rotate_overlap: '7d' },
    { expire: '5d', rotate_overlap: '6d' },
  ])('that is not shorter than what it overlaps is a mistake: %j', (changes) => {
    expect(() => declare(changes)).toThrow();
  });
});
