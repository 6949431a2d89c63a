import { expect } from 'vitest';
import { CATALOGUE, type CheckName } from '../../../../src/commands/doctor/catalogue.js';
import type { Check, CheckState } from '../../../../src/commands/doctor/check.js';

/**
 * The one check of this name that did not end well, which a test provoked: it says what it saw and what mends it.
 * `catalogue.test.ts` goes through the calls of this function, so that no name is without one.
 */
export function provoked(name: CheckName, checks: readonly Check[], state: CheckState = 'wrong'): Check {
  const found = checks.filter((check) => check.name === name && check.state !== 'fine');
  expect(found.map((check) => [check.name, check.state])).toEqual([[name, state]]);
  const [check] = found as [Check];
  expect(check.saw).not.toBe('');
  expect(check.mend ?? '').not.toBe('');
  expect(CATALOGUE[name].why).not.toBe('');
  return check;
}

/** The states by name, of those that did not end well. */
export function unwell(checks: readonly Check[]): Record<string, CheckState> {
  const bad = checks.filter(({ state }) => state !== 'fine');
  return Object.fromEntries(bad.map(({ name, state }) => [name, state]));
}
