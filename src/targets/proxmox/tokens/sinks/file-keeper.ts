import { Rejected } from '../../../../domain/errors.js';
import { registerSecret } from '../../../../telemetry/redact.js';
import { readStored, type StoredToken, textOf } from '../stored-token.js';
import { createOwnFile } from './own-file.js';
import { isDead, type Sink } from './sink.js';

/** How the text of a token becomes the content of a file, and back. Everything thrown is Rejected. */
export interface Wrapping {
  /** Throws where wrapping or unwrapping would fail. */
  probe(): Promise<void>;
  wrap(text: string): Promise<Uint8Array>;
  /** Why nobody can unwrap it here. */
  sealed?: string | undefined;
  /** Not called for a sealed one. */
  unwrap(content: Buffer): Promise<string>;
  /** Throws for the content of a file that this wrapping cannot have written. */
  recognise?(content: Buffer): void;
}

/** The stored token in one file of root's, wrapped. */
export function createFileKeeper(path: string, place: string, wrapping: Wrapping): Sink {
  const file = createOwnFile(path);
  let passed: { content: Buffer; token: StoredToken } | undefined;

  async function readSealed(): Promise<StoredToken | undefined> {
    const content = await file.read();
    if (content) wrapping.recognise?.(content);
    // Only what lies there byte for byte as it was written counts as stored.
    return content && passed && content.equals(passed.content) ? passed.token : undefined;
  }

  async function read(): Promise<StoredToken | undefined> {
    if (wrapping.sealed !== undefined) return readSealed();
    const content = await file.read();
    if (content === undefined) return undefined;
    const stored = readStored(await wrapping.unwrap(content));
    if (!stored.ok) throw new Rejected(`${path} ${stored.why}: move it away`);
    registerSecret(stored.token.value);
    return stored.token;
  }

  const sink: Sink = {
    place,
    sealed: wrapping.sealed,
    read,
    async probe() {
      await file.probe();
      await wrapping.probe();
    },
    async store(token) {
      const content = Buffer.from(await wrapping.wrap(textOf(token)));
      const former = { content: await file.read(), passed };
      await file.replace(content);
      passed = { content, token };
      return async () => {
        if (former.content) await file.replace(former.content);
        else await file.remove();
        passed = former.passed;
      };
    },
    async forget(dead) {
      const stored = await read();
      if (!stored) return wrapping.sealed !== undefined && (await file.read()) ? 'unknown' : 'none';
      if (!isDead(stored, dead)) return 'none';
      await file.remove();
      return 'gone';
    },
    async has(token) {
      const stored = await read();
      if (!stored && wrapping.sealed !== undefined) return (await file.read()) !== undefined;
      return stored !== undefined && (token === undefined || stored.value === token.value);
    },
    get parts() {
      return [sink];
    },
  };
  return sink;
}
