import { readSecretFile } from '../../config/secret-file.js';
import { messageOf, Rejected } from '../../domain/errors.js';
import { openSinks, type Sinks } from '../../targets/proxmox/tokens/sinks/open-sinks.js';
import { registerSecret } from '../../telemetry/redact.js';
import { systemClock } from '../../telemetry/system-clock.js';
import type { Io } from '../io.js';

/** The sinks of this command, for the work, and their logins given up afterwards. */
export async function withSinks<T>(io: Io, work: (sinks: Sinks) => Promise<T>): Promise<T> {
  const sinks = openSinks({ readSecret, clock: systemClock });
  try {
    return await work(sinks);
  } finally {
    // What was done stays done: it is told, and ends by itself.
    await sinks.close().catch((error: unknown) => io.err(`note: ${messageOf(error)}`));
  }
}

function readSecret(path: string): string {
  const file = readSecretFile(path);
  if (!file.ok) throw new Rejected(`${path}: expected ${file.expected}; remedy: ${file.remedy}`);
  registerSecret(file.text);
  return file.text;
}
