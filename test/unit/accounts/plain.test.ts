import { describe, expect, it } from 'vitest';
import { plain } from '../../../src/accounts/plain.js';

describe('words of others on a terminal', () => {
  it('lose all that it would obey or show as a line of ours', () => {
    expect(plain('\u001b[2J\u009b1A\rtake over\nx\u202ey\u007f')).toBe(
      String.raw`\u{1b}[2J\u{9b}1A\u{d}take over\u{a}x\u{202e}y\u{7f}`,
    );
  });

  it('are otherwise as they were', () => {
    expect(plain('Zoë Müller-Łoś 李, 14 %')).toBe('Zoë Müller-Łoś 李, 14 %');
  });
});
