import { describe, expect, it } from 'vitest';
import { codeOf, connectionFault } from '../../../src/http/connection-fault.js';

const withCode = (code: string, more: object = {}): Error => Object.assign(new Error(code), { code, ...more });

describe('a call without an answer', () => {
  it.each([
    ['ECONNREFUSED', { kind: 'not-sent' }],
    ['UND_ERR_CONNECT_TIMEOUT', { kind: 'not-sent' }],
    ['UND_ERR_SOCKET', { kind: 'broken' }],
    ['ECONNRESET', { kind: 'broken' }],
    ['CERT_HAS_EXPIRED', { kind: 'untrusted', why: 'expired', code: 'CERT_HAS_EXPIRED' }],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', { kind: 'untrusted', why: 'unknown-issuer' }],
  ])('by %s is %j', (code, fault) => {
    expect(connectionFault(withCode(code))).toMatchObject(fault);
  });

  it('while the connection was being made was not sent, whatever the code', () => {
    expect(connectionFault(withCode('ETIMEDOUT', { syscall: 'connect' }))).toEqual({ kind: 'not-sent' });
    expect(connectionFault(withCode('ETIMEDOUT', { syscall: 'read' }))).toEqual({ kind: 'broken' });
  });

  it('may have its code on the cause, or none at all', () => {
    expect(codeOf(new Error('x', { cause: withCode('ECONNREFUSED') }))).toBe('ECONNREFUSED');
    expect(codeOf('a text')).toBe('');
    expect(connectionFault(undefined)).toEqual({ kind: 'broken' });
  });
});
