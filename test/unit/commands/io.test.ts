import { expect, test } from 'vitest';
import { harmless } from '../../../src/commands/io.js';

const ESC = '\u001b';

test('lets nothing that comes from elsewhere steer the terminal', () => {
  const told = harmless(`members: ${ESC}]0;owned\u0007${ESC}[2Jbob@entra\r\u009b31m\u0007[1m`);

  expect(told).toBe('members: \\u001b]0;owned\\u0007\\u001b[2Jbob@entra\\u000d\\u009b31m\\u0007[1m');
});

test('keeps lines, tabs and colours', () => {
  const text = `a\n\tb ${ESC}[1;31mred${ESC}[0m ${ESC}[m`;

  expect(harmless(text)).toBe(text);
});

test('shows what would turn a name around or hide in it', () => {
  expect(harmless('Data\u202eX\u200b Größe 😀 ❤️')).toBe('Data\\u202eX\\u200b Größe 😀 ❤️');
});

test('keeps the meaning of JSON', () => {
  const value = { name: `${ESC}[2J\u009b\u007f\u2028\u2066\ufeff` };

  expect(JSON.parse(harmless(JSON.stringify(value)))).toEqual(value);
});
