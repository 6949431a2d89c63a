import { expect, test } from 'vitest';
import { excerpt, shellQuote } from '../../../../src/targets/proxmox/text.js';

const SECRET = 'aaaa-bbbb-cccc';

test('makes one bounded printable line of whatever a server sent', () => {
  const line = excerpt(`a\r\n\u001b[31mb\u202e ${'x'.repeat(500)}`, SECRET, 20);

  expect(line).toBe(`a [31mb ${'x'.repeat(12)}…`);
});

test('leaves no part of the secret where the text is cut in its middle', () => {
  for (let pad = 60; pad <= 90; pad += 1) {
    expect(excerpt(`${' '.repeat(pad)}${SECRET}`, SECRET, 10)).not.toContain('aaa');
  }
});

test('quotes for a shell only what needs it', () => {
  expect(shellQuote('alice@example.com@entra')).toBe('alice@example.com@entra');
  expect(shellQuote('svc@pve!id')).toBe("'svc@pve!id'");
  expect(shellQuote("o'neil@entra")).toBe("'o'\\''neil@entra'");
});
