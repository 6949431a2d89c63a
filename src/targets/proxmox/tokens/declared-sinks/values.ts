import { z } from 'zod';

/** Absolute, of a file, and nothing that climbs. */
export const absolutePath = z
  .string('expected the absolute path of a file')
  .max(1024)
  .regex(/^(?:\/[^/\0\n\r]+)+$/, 'expected the absolute path of a file')
  .refine((text) => !text.split('/').some((part) => part === '.' || part === '..'), 'must not hold . or ..');

/** `30s`, `2m`: seconds or minutes, at most ten minutes. */
export const shortTime = z
  .string()
  .regex(/^[1-9]\d{0,3}[sm]$/, 'expected seconds or minutes, such as 30s')
  .transform((text) => Number(text.slice(0, -1)) * (text.endsWith('m') ? 60_000 : 1000))
  .refine((ms) => ms <= 600_000, 'at most 10m');

/** Characters that would break a line or a header. */
export const plainText = z
  .string()
  .min(1)
  .max(512)
  .regex(/^\P{Cc}+$/u, 'must hold no control characters');
