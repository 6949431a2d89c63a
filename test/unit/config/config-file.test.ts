import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../src/config/load.js';
import { ConfigError } from '../../../src/config/problem.js';
import { problemsOf, temporaryDirectory, temporaryFile, workingEnv } from './fixture.js';

function failureOf(run: () => unknown): ConfigError {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('the configuration file', () => {
  it('is the default one where --config names none', () => {
    const fallbackFile = temporaryFile('entramox.env', 'LOG_LEVEL=debug\n');

    const { settings, file } = loadSettings({ env: workingEnv(), fallbackFile });

    expect(settings.telemetry.logLevel).toBe('debug');
    expect(file).toBe(fallbackFile);
  });

  it.each(['valueOf', 'constructor', 'toString', '__proto__'])('may hold the name %s, which is no setting', (name) => {
    const configFile = temporaryFile('entramox.env', `${name}=1\n`);

    const { notices } = loadSettings({ env: workingEnv(), configFile });

    expect(notices).toContainEqual(expect.objectContaining({ kind: 'unknown', key: name }));
  });

  it('may name a device or a pipe as certificates, which is refused rather than read without end', () => {
    const pipe = join(temporaryDirectory(), 'pipe');
    execFileSync('mkfifo', [pipe]);

    for (const path of ['/dev/zero', pipe]) {
      const problems = problemsOf({ env: workingEnv({ CA_FILE: path }), command: 'run' });

      expect(problems).toMatchObject([{ key: 'CA_FILE', expected: expect.stringContaining('no regular file') }]);
    }
  });

  it('is the one of --config alone where that is given', () => {
    const fallbackFile = temporaryFile('entramox.env', 'LOG_LEVEL=debug\n');
    const configFile = temporaryFile('other.env', 'DELETE_AFTER=7d\n');

    const { settings, file } = loadSettings({ env: workingEnv(), fallbackFile, configFile });

    expect(settings.telemetry.logLevel).toBe('info');
    expect(settings.lifecycle.deleteAfterMs).toBe(7 * 86_400_000);
    expect(file).toBe(configFile);
  });

  it('may be missing by default, and is then what an incomplete configuration points at', () => {
    const fallbackFile = join(temporaryDirectory(), 'entramox.env');

    const { file } = loadSettings({ env: workingEnv(), fallbackFile });
    const failure = failureOf(() => loadSettings({ env: {}, fallbackFile }));

    expect(file).toBeUndefined();
    expect(failure.message).toMatch(/No configuration file was read: .*entramox\.env is not there, .*--config FILE\.$/);
  });

  it('is not blamed for what is wrong in it once it was read', () => {
    const fallbackFile = temporaryFile('entramox.env', 'LISTEN_PORT=x\n');

    expect(failureOf(() => loadSettings({ env: workingEnv(), fallbackFile })).hint).toBeUndefined();
  });

  it('that was named and cannot be read is the only problem that is told', () => {
    const problems = problemsOf({ env: {}, configFile: '/nonexistent/entramox.env' });

    expect(problems).toMatchObject([{ key: '--config', value: '/nonexistent/entramox.env' }]);
  });
});
