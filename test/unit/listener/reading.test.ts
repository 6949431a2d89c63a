import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCollection } from '../../../src/listener/collection.js';
import { mergeHints, readItem } from '../../../src/listener/item-hints.js';
import { readOrigin } from '../../../src/listener/item-origin.js';
import { createOnceInAWhile } from '../../../src/listener/once-in-a-while.js';
import { readValidationToken } from '../../../src/listener/validation-token.js';
import { createTestClock, guid } from '../queue/fixtures.js';

const group = guid(0xa);
const user = guid(0xb);
const everyGroup = () => true;

describe('the validation token', () => {
  it.each([
    ['percent-encoded', 'Validation%3A%20Testing%20client', 'Validation: Testing client'],
    ['form-encoded', 'Validation%3a+Testing+client', 'Validation: Testing client'],
    ['with markup', '%3Cscript%3Ealert(1)%3C%2Fscript%3E', '<script>alert(1)</script>'],
    ['with an encoded plus and ampersand', 'a%2Bb%26c%3Dd', 'a+b&c=d'],
    ['beyond ASCII', '%E2%82%AC%F0%9F%98%80', '€😀'],
  ])('is decoded when it is %s', (_what, raw, token) => {
    expect(readValidationToken(`/x?tenant=1&validationToken=${raw}`)).toEqual({ kind: 'token', token });
  });

  it.each([
    ['empty', '?validationToken='],
    ['without a value', '?validationToken'],
    ['given twice', '?validationToken=a&validationToken=b'],
    ['broken', '?validationToken=%E0%A4'],
    ['with a control character', '?validationToken=a%0d%0aSet-Cookie:b'],
    ['longer than 4 KiB', `?validationToken=${'x'.repeat(4097)}`],
  ])('is bad when it is %s', (_what, query) => {
    expect(readValidationToken(`/x${query}`).kind).toBe('bad');
  });

  it.each(['/x', '/x?', '/x?a=validationToken', '/x?ValidationToken=a', '/x?xvalidationToken=a'])(
    'is not there in %s',
    (url) => {
      expect(readValidationToken(url)).toEqual({ kind: 'none' });
    },
  );

  it('comes back exactly as it was encoded, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 300, unit: 'grapheme' }), (token) => {
        fc.pre(!/\p{Cc}/u.test(token));
        const url = `/x?validationToken=${encodeURIComponent(token)}`;
        expect(readValidationToken(url)).toEqual({ kind: 'token', token });
      }),
    );
  });
});

describe('a body', () => {
  const read = (text: string | Buffer) => readCollection(Buffer.from(text as string));

  it('is a list of items, with or without a byte order mark', () => {
    expect(read('{"value":[1,{}],"more":true}')).toEqual({ ok: true, items: [1, {}] });
    expect(read('\ufeff{"value":[]}')).toEqual({ ok: true, items: [] });
  });

  it.each([
    ['is empty', ''],
    ['is no JSON', 'value=1'],
    ['is cut off', '{"value":[{"a":'],
    ['is a list', '[]'],
    ['is null', 'null'],
    ['has no list', '{"value":{}}'],
    ['has a __proto__', '{"value":[{"__proto__":{"admin":true}}]}'],
    ['is not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
    ['is nested deeply', `{"value":${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
    ['is nested deeply and cut off', '{"value":['.repeat(50_000)],
  ])('is refused when it %s', (_what, text) => {
    expect(read(text).ok).toBe(false);
  });

  it('may have brackets in its strings', () => {
    expect(read(JSON.stringify({ value: ['['.repeat(100), '\\"{{'.repeat(50)] })).ok).toBe(true);
  });

  it('never throws and never touches prototypes, whatever comes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        read(text);
        expect(({} as Record<string, unknown>).admin).toBeUndefined();
      }),
    );
  });
});

describe('the origin of an item', () => {
  const tenantId = guid(1);
  const clientState = 's'.repeat(43);
  const subscription = { resource: '/users', clientState };
  const find = (id: string) => (id === guid(2) ? subscription : undefined);
  const item = { subscriptionId: guid(2), tenantId, clientState };

  it('is known when subscription, client state and tenant are ours, in any case of the ids', () => {
    const shouted = { ...item, subscriptionId: guid(2).toUpperCase(), tenantId: tenantId.toUpperCase() };

    expect(readOrigin(shouted, tenantId, find)).toEqual({ subscription, subscriptionId: guid(2) });
  });

  it.each([
    ['unknown-subscription', { subscriptionId: guid(3) }],
    ['unknown-subscription', { subscriptionId: undefined }],
    ['unknown-subscription', { subscriptionId: '../../x' }],
    ['wrong-client-state', { clientState: 't'.repeat(43) }],
    ['wrong-client-state', { clientState: '' }],
    ['wrong-client-state', { clientState: null }],
    ['wrong-client-state', { clientState: undefined }],
    ['wrong-client-state', { clientState: [clientState] }],
    ['wrong-client-state', { clientState: `${clientState}s` }],
    ['wrong-tenant', { tenantId: guid(9) }],
    ['wrong-tenant', { tenantId: undefined }],
  ])('is a %s with %o', (dropped, change) => {
    expect(readOrigin({ ...item, ...change }, tenantId, find)).toEqual({ dropped });
  });
});

describe('an item', () => {
  const delta = (members: unknown) => ({ resource: `Groups/${group}`, resourceData: { 'members@delta': members } });
  const read = (item: Record<string, unknown>, watched = '/groups', isWatched: (id: string) => boolean = everyGroup) =>
    readItem(item, watched, isWatched);

  it.each([
    [`Users/${user}`, '/users', `user:${user}`],
    [`Users/${user.toUpperCase()}`, `/users/${user}`, `user:${user}`],
    [`/groups/${group}`, `/groups/${group}`, `group:${group}`],
    [`Groups/${group}/members/${user}`, `/groups/${group}`, `user:${user}`],
  ])('on %s by a subscription on %s puts %s', (resource, watched, key) => {
    expect(read({ resource }, watched)).toMatchObject({ hints: [{ key, reason: 'changed', added: false }], badIds: 0 });
  });

  it.each([
    ['a user', { resource: `Users/${user}` }, '/users', false],
    ['a group itself', { resource: `Groups/${group}` }, '/groups', true],
    ['a member of whom only the id is told', delta([{ id: user }]), '/groups', true],
    ['a member of the other shape', { resource: `Groups/${group}/members/${user}` }, '/groups', true],
    ['more members than are read', delta(Array.from({ length: 201 }, (_, n) => ({ id: guid(n) }))), '/groups', true],
    ['nothing but users', delta([{ id: user, '@odata.type': '#Microsoft.Graph.User' }]), '/groups', false],
    [
      'a user and a group',
      delta([
        { id: user, '@odata.type': '#microsoft.graph.user' },
        { id: guid(8), '@odata.type': '#microsoft.graph.group' },
      ]),
      '/groups',
      true,
    ],
  ])('that tells of %s may be about nesting, or not', (_what, item, watched, mayNest) => {
    expect(read(item, watched)).toMatchObject({ mayNest });
  });

  it.each([
    ['wrong-resource', `Users/${user}`, '/groups'],
    ['wrong-resource', `Users/${user}`, `/users/${guid(7)}`],
    ['wrong-resource', `Groups/${group}`, `/groups/${guid(7)}`],
    ['wrong-resource', `Groups/${group}/owners/${user}`, '/groups'],
    ['wrong-resource', `Users/${user}/messages/1`, '/users'],
    ['wrong-resource', 'me', '/users'],
    ['wrong-resource', null, '/users'],
    ['wrong-resource', 'x'.repeat(1000), '/users'],
    ['wrong-resource', 'Users/../../etc', '/users'],
    ['bad-id', 'Users/..', '/users'],
    ['bad-id', 'Users/alice@example.com', '/users'],
    ['bad-id', `Groups/${group}/members/root`, '/groups'],
  ])('is dropped as %s for %s by a subscription on %s', (dropped, resource, watched) => {
    expect(read({ resource }, watched)).toEqual({ dropped });
  });

  it('of a group that nobody watches is dropped', () => {
    expect(read(delta([{ id: user }]), '/groups', (id) => id !== group)).toEqual({ dropped: 'unwatched-group' });
  });

  it('puts members, with a removal as text or as an object, and nothing for the group', () => {
    const reading = read(
      delta([
        { id: guid(1) },
        { id: guid(2), '@removed': 'deleted' },
        { id: guid(3), '@removed': { reason: 'deleted' } },
      ]),
    );

    expect(reading).toMatchObject({
      badIds: 0,
      hints: [
        { key: `user:${guid(1)}`, reason: 'changed', added: true },
        { key: `user:${guid(2)}`, reason: 'removed', added: false },
        { key: `user:${guid(3)}`, reason: 'removed', added: false },
      ],
    });
  });

  it('does not believe a removal when the same identity is added in the same list', () => {
    const reading = read(delta([{ id: user, '@removed': 'deleted' }, { id: user }]));

    expect(reading).toMatchObject({ hints: [{ key: `user:${user}`, reason: 'changed' }] });
  });

  it('puts the group when there are no members, only bad ones, or more than 200', () => {
    const whole = [{ key: `group:${group}`, reason: 'changed', added: false }];
    const many = Array.from({ length: 201 }, (_, n) => ({ id: guid(n) }));

    expect(read(delta([]))).toMatchObject({ hints: whole, badIds: 0 });
    expect(read(delta('members'))).toMatchObject({ hints: whole, badIds: 0 });
    expect(read(delta([{ id: '../x' }, null, 7]))).toMatchObject({ hints: whole, badIds: 3 });
    expect(read(delta(many))).toMatchObject({ hints: whole, badIds: 0 });
  });
});

describe('hints of several items', () => {
  const hint = (reason: 'changed' | 'removed', added = false) => ({ key: `user:${user}` as const, reason, added });

  it.each([
    ['a removal and a change of attributes', [hint('removed'), hint('changed')], 'removed'],
    ['a removal and an addition', [hint('removed'), hint('changed', true)], 'changed'],
    ['an addition and a removal', [hint('changed', true), hint('removed')], 'changed'],
  ])('become one: %s', (_what, hints, reason) => {
    expect([...mergeHints(hints)]).toEqual([[`user:${user}`, reason]]);
  });
});

describe('what is said once in a while', () => {
  it('is said the first time, and after ten minutes with how often it was left out', () => {
    const clock = createTestClock();
    const say = createOnceInAWhile(clock);

    const first = [say('a'), say('a'), say('b')];
    clock.advance(600_000);

    expect(first).toEqual([{ leftOut: 0 }, undefined, { leftOut: 0 }]);
    expect(say('a')).toEqual({ leftOut: 1 });
  });
});
