import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AgentError } from '../../../src/accounts/errors.js';
import { errorReply, formatReply, idOf, MAX_LINE_BYTES, parseRequest } from '../../../src/accounts/protocol.js';

const OID = '11111111-1111-4111-8111-111111111111';

describe('a request line', () => {
  it.each([
    { id: 0, verb: 'observe' },
    { id: 1, verb: 'observe', oids: [OID], names: [{ oid: OID, name: 'alice' }] },
    { id: 2, verb: 'create', oid: OID, name: 'alice', gecos: 'Alice' },
    { id: 3, verb: 'lock', oid: OID },
    { id: 4, verb: 'unlock', oid: OID },
    { id: 5, verb: 'groups', oid: OID, groups: ['adm'] },
    { id: 6, verb: 'sudo', oid: OID, granted: false },
    { id: 7, verb: 'delete', oid: OID },
  ])('is taken for $verb', (request) => {
    expect(parseRequest(JSON.stringify(request))).toEqual(request);
  });

  it.each([
    ['an unknown verb', { id: 1, verb: 'run' }, /unknown verb "run"; known: observe/],
    ['a verb that every object has', { id: 1, verb: 'toString' }, /unknown verb/],
    ['a field too many', { id: 1, verb: 'lock', oid: OID, uid: 0 }, /lock has no field "uid"/],
    ['a field too few', { id: 1, verb: 'sudo', oid: OID }, /sudo needs granted: true or false/],
    ['a question too many', { id: 1, verb: 'observe', names: [{ oid: OID, name: 'a', x: 1 }] }, /names must be a list/],
    ['a negative id', { id: -1, verb: 'observe' }, /id must be/],
    ['a huge id', { id: 2 ** 60, verb: 'observe' }, /id must be/],
  ])('is refused for %s, in words', (_, request, words) => {
    expect(() => parseRequest(JSON.stringify(request))).toThrow(words);
  });

  it.each<[string, object, string]>([
    ['a list', [], 'a request must be one JSON object on one line'],
    ['no id', { verb: 'observe' }, 'id must be a whole number from 0 to 2^53-1'],
    ['an id in words', { id: '1', verb: 'observe' }, 'id must be a whole number from 0 to 2^53-1'],
    ['no verb', { id: 1 }, 'unknown verb "undefined"; known: observe, create, lock, unlock, groups, sudo, delete'],
    [
      'a verb that is no word',
      { id: 1, verb: ['lock'] },
      'unknown verb "object"; known: observe, create, lock, unlock, groups, sudo, delete',
    ],
    [
      'a verb without end',
      { id: 1, verb: 'x'.repeat(50) },
      `unknown verb "${'x'.repeat(40)}"; known: observe, create, lock, unlock, groups, sudo, delete`,
    ],
    ['a field without end', { id: 1, verb: 'lock', ['y'.repeat(50)]: 1 }, `lock has no field "${'y'.repeat(40)}"`],
    ['an oid that is a name', { id: 1, verb: 'lock', oid: 'alice' }, 'lock: oid must be a GUID in lower case'],
    ['an oid that is a number', { id: 1, verb: 'unlock', oid: 7 }, 'unlock: oid must be a GUID in lower case'],
    ['an oid in a list', { id: 1, verb: 'lock', oid: [OID] }, 'lock: oid must be a GUID in lower case'],
    ['a name in a list', { id: 1, verb: 'create', oid: OID, name: [], gecos: '' }, 'create: name must be text'],
    [
      'a question in a list',
      { id: 1, verb: 'observe', names: [[OID, 'alice']] },
      'observe: names must be a list, each {oid, name}',
    ],
    ['no oid', { id: 1, verb: 'delete' }, 'delete needs oid: a GUID in lower case'],
    ['no name', { id: 1, verb: 'create', oid: OID, gecos: '' }, 'create needs name: text'],
    ['no full name', { id: 1, verb: 'create', oid: OID, name: 'a' }, 'create needs gecos: text'],
    ['a name that is none', { id: 1, verb: 'create', oid: OID, name: 7, gecos: '' }, 'create: name must be text'],
    [
      'a full name without end',
      { id: 1, verb: 'create', oid: OID, name: 'a', gecos: 'x'.repeat(1025) },
      'create: gecos must be text',
    ],
    ['no groups', { id: 1, verb: 'groups', oid: OID }, 'groups needs groups: a list, each text'],
    ['one group', { id: 1, verb: 'groups', oid: OID, groups: 'adm' }, 'groups: groups must be a list, each text'],
    [
      'half a list',
      { id: 1, verb: 'groups', oid: OID, groups: ['adm', 7] },
      'groups: groups must be a list, each text',
    ],
    ['a sudo in words', { id: 1, verb: 'sudo', oid: OID, granted: 'yes' }, 'sudo: granted must be true or false'],
    [
      'oids that are none',
      { id: 1, verb: 'observe', oids: [OID, 'x'] },
      'observe: oids must be a list, each a GUID in lower case',
    ],
    ['no list', { id: 1, verb: 'observe', oids: null }, 'observe: oids must be a list, each a GUID in lower case'],
    [
      'a question without a name',
      { id: 1, verb: 'observe', names: [{ oid: OID }] },
      'observe: names must be a list, each {oid, name}',
    ],
    [
      'a question of nobody',
      { id: 1, verb: 'observe', names: [{ oid: 'x', name: 'alice' }] },
      'observe: names must be a list, each {oid, name}',
    ],
    [
      'a question for no name',
      { id: 1, verb: 'observe', names: [{ oid: OID, name: 7 }] },
      'observe: names must be a list, each {oid, name}',
    ],
    ['no question', { id: 1, verb: 'observe', names: [null] }, 'observe: names must be a list, each {oid, name}'],
  ])('is refused for %s, with what was expected', (_, request, message) => {
    expect(() => parseRequest(JSON.stringify(request))).toThrow(expect.objectContaining({ code: 'invalid', message }));
  });

  it('may be as long as its fields allow', () => {
    const request = { id: Number.MAX_SAFE_INTEGER, verb: 'create', oid: OID, name: 'a', gecos: 'x'.repeat(1024) };

    expect(parseRequest(JSON.stringify(request))).toEqual(request);
  });

  it('that is no JSON is refused without repeating a flood', () => {
    const refusal = () => parseRequest(`{"${'x'.repeat(500)}`);

    expect(refusal).toThrow(
      expect.objectContaining({ code: 'invalid', message: expect.stringMatching(/^not JSON: ./) }),
    );
    expect(refusal).not.toThrow(/.{131}/);
  });

  it.each([
    ['{"id":0}', 0],
    ['{"id":7,"verb":"nonsense"}', 7],
    ['{"id":-1}', null],
    ['{"id":"7"}', null],
    ['{"id":1.5}', null],
    ['{}', null],
    ['[]', null],
    ['null', null],
    ['7', null],
    ['{"id":7', null],
  ])('tells whom to answer: %s', (line, id) => {
    expect(idOf(line)).toBe(id);
  });

  it('never throws anything but an AgentError, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        expect(idOf(line) === null || Number.isSafeInteger(idOf(line))).toBe(true);
        expect(() => parseRequest(line)).toThrow(AgentError);
      }),
    );
  });
});

describe('a reply', () => {
  it('is one line', () => {
    expect(formatReply({ id: 1, ok: true, result: { text: 'a\nb' } })).toBe(
      '{"id":1,"ok":true,"result":{"text":"a\\nb"}}\n',
    );
  });

  it('carries the code, the words and the remedy of an error, and no remedy where there is none', () => {
    expect(errorReply(1, new AgentError('busy', 'wait', 'a while'))).toEqual({
      id: 1,
      ok: false,
      error: { code: 'busy', message: 'wait', remedy: 'a while' },
    });
    expect(formatReply(errorReply(null, new AgentError('failed', 'broken')))).toBe(
      '{"id":null,"ok":false,"error":{"code":"failed","message":"broken"}}\n',
    );
  });

  it('says what keeps the agent from doing anything at all', () => {
    expect(errorReply(2, new AgentError('failed', 'no policy', undefined, 'policy'))).toEqual({
      id: 2,
      ok: false,
      error: { code: 'failed', message: 'no policy', blocked: 'policy' },
    });
  });
});

it('a request may have 64 KiB', () => {
  expect(MAX_LINE_BYTES).toBe(65_536);
});
