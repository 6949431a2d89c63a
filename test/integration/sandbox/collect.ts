import { spawn } from 'node:child_process';

export interface ExecOptions {
  input?: string;
  env?: Readonly<Record<string, string>>;
  /** Default 60 s, after which the command is killed and the promise rejects. */
  timeoutMs?: number;
}

export interface ExecResult {
  /** The exit code, or 128 and the number of the signal as a shell says it. */
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end and returns what it said. Rejects only when it cannot start or takes too long. */
export function collect(argv: readonly string[], options: ExecOptions): Promise<ExecResult> {
  const [program = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, options.timeoutMs ?? 60_000);
    const result = { code: 0, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      result.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      result.stderr += text;
    });
    child.stdin.on('error', (error) => {
      result.stderr += error.message.includes('EPIPE') ? '' : error.message;
    });
    child.stdin.end(options.input ?? '');
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      if (late) reject(new Error(`${argv.join(' ')} did not end in time: ${result.stderr}`));
      else resolve({ ...result, code: code ?? 137 });
    });
  });
}
