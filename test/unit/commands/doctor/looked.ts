import type { Looked } from '../../../../src/commands/doctor/look.js';

export const NOW = Date.UTC(2026, 10, 22, 12);
const DAY_MS = 24 * 3_600_000;

/** An answer as one comes from a host where everything is well. */
export function answered(change: Partial<Looked & { kind: 'answered' }> = {}): Looked & { kind: 'answered' } {
  return {
    kind: 'answered',
    status: 200,
    contentType: 'text/plain',
    body: '',
    certificate: {
      subject: 'host.example.com',
      issuer: 'Public CA',
      endsAt: NOW + 90 * DAY_MS,
      root: 'AA:BB',
      length: 3,
    },
    distrust: undefined,
    date: NOW,
    at: NOW + 200,
    answerMs: 40,
    ...change,
  };
}

export function failed(change: Partial<Looked & { kind: 'failed' }> = {}): Looked & { kind: 'failed' } {
  return {
    kind: 'failed',
    code: 'ECONNREFUSED',
    text: 'the connection was refused (ECONNREFUSED)',
    proxy: false,
    certain: false,
    ...change,
  };
}
