import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AgentError } from '../../../src/accounts/errors.js';
import { idOf, parseRequest } from '../../../src/accounts/protocol.js';

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

  it('never throws anything but an AgentError, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        expect(idOf(line) === null || Number.isSafeInteger(idOf(line))).toBe(true);
        expect(() => parseRequest(line)).toThrow(AgentError);
      }),
    );
  });
});
