import { spawn } from 'node:child_process';

/** Runs a script with Debian's Python, which is where Debian's modules are. */
export function runPython(
  script: string,
  input: string,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('/usr/bin/python3', ['-W', 'ignore', '-c', script], {
      env: { PATH: '/usr/bin:/bin', HOME: '/' },
    });
    const texts = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      texts.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      texts.stderr += text;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, ...texts });
    });
    child.stdin.end(input);
  });
}
