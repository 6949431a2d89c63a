import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type LoadedSettings, type LoadOptions, loadSettings } from '../../../src/config/load.js';
import { ConfigError, type Problem } from '../../../src/config/problem.js';

export const TENANT = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
export const CLIENT = '99999999-8888-4777-8666-555555555555';
export const GROUP = '11111111-2222-4333-8444-555555555555';
export const OTHER_GROUP = '22222222-3333-4444-8555-666666666666';
export const SECRET = 'abc8Q~the-client-secret';
export const TOKEN = 'entramox@pve!sync=00000000-1111-2222-3333-444444444444';

/** An environment that every command accepts, with the linux target alone. */
export function workingEnv(changes: Record<string, string | undefined> = {}): Record<string, string | undefined> {
  return {
    ENTRA_TENANT_ID: TENANT,
    ENTRA_CLIENT_ID: CLIENT,
    ENTRA_CLIENT_SECRET: SECRET,
    ENTRA_GROUP_IDS: GROUP,
    PUBLIC_URL: 'https://entramox.example.com',
    ...changes,
  };
}

/** The settings for a working environment with changes. */
export function load(changes: Record<string, string | undefined> = {}, options: LoadOptions = {}): LoadedSettings {
  return loadSettings({ env: workingEnv(changes), command: 'run', ...options });
}

/** The problems of a configuration; fails where it is accepted. */
export function problemsOf(options: LoadOptions): readonly Problem[] {
  try {
    loadSettings(options);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

/** The problems of a working environment with changes. */
export function problemsWith(
  changes: Record<string, string | undefined>,
  options: LoadOptions = {},
): readonly Problem[] {
  return problemsOf({ env: workingEnv(changes), command: 'run', ...options });
}

/** A directory that is gone after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'entramox-config-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A file in a directory of its own; returns its path. */
export function temporaryFile(name: string, text: string, mode = 0o600): string {
  const path = join(temporaryDirectory(), name);
  writeFileSync(path, text, { mode });
  return path;
}
