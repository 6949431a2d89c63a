import { spawn } from 'node:child_process';

export interface ToolEnd {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program of this machine with a text on its standard input. */
export function runTool(command: readonly [string, ...string[]], input = ''): Promise<ToolEnd> {
  const [file, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env: { PATH: '/usr/bin:/bin', HOME: '/' } });
    const texts = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      texts.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      texts.stderr += text;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
    child.once('error', reject);
    child.stdin.on('error', () => undefined);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, ...texts });
    });
    child.stdin.end(input);
  });
}
