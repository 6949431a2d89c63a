import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Reply } from '../../../src/accounts/protocol.js';

/** An agent as a child, spoken to in raw bytes. */
export interface RawAgent {
  child: ChildProcessWithoutNullStreams;
  write(bytes: string | Buffer): void;
  /** The next line of the agent; rejects when it ends without one. */
  next(): Promise<Reply>;
  /** Ends its input and resolves with exit code and error output. */
  end(): Promise<{ code: number | null; stderr: string }>;
}

/** Starts it. The caller ends it. */
export function startRaw(argv: readonly string[]): RawAgent {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const closed = once(child, 'close');
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // Writing to an agent that has ended is seen by the missing answer.
  child.stdin.on('error', (error) => {
    stderr += error.message.includes('EPIPE') ? '' : error.message;
  });
  return {
    child,
    write: (bytes) => {
      child.stdin.write(bytes);
    },
    async next() {
      const { value, done } = await lines.next();
      if (done) throw new Error(`the agent ended without an answer: ${stderr}`);
      return JSON.parse(value) as Reply;
    },
    async end() {
      child.stdin.end();
      await closed;
      return { code: child.exitCode, stderr };
    },
  };
}
