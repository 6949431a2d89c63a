import { describe, expect, it } from 'vitest';
import type { CommandName } from '../../../src/config/needs.js';
import { load, TOKEN, temporaryFile } from './fixture.js';

function warned(command: CommandName, changes: Record<string, string | undefined>): string[] {
  const settings = { REALM: 'entra', ENTRA_ALLUSERS_GROUP_ID: undefined, ...changes };
  return load(settings, { command }).notices.flatMap(({ kind, key }) => (kind === 'insecure' ? [key] : []));
}

describe('a secret that the listener has no use for', () => {
  it('is remarked upon where it is written out in the configuration that the listener reads', () => {
    expect(warned('listen', { PVE_API_TOKEN: TOKEN })).toEqual(['PVE_API_TOKEN']);
    expect(warned('config', { PVE_API_TOKEN: TOKEN })).toEqual(['PVE_API_TOKEN']);
  });

  it.each<[string, CommandName, () => Record<string, string | undefined>]>([
    ['in a file of its own', 'config', () => ({ PVE_API_TOKEN_FILE: temporaryFile('token', TOKEN) })],
    ['in one process with the reconciler', 'run', () => ({ PVE_API_TOKEN: TOKEN })],
    ['for the reconciler alone', 'reconcile', () => ({ PVE_API_TOKEN: TOKEN })],
    ['where no listener is meant to run', 'config', () => ({ PVE_API_TOKEN: TOKEN, PUBLIC_URL: undefined })],
  ])('is fine %s', (_where, command, changes) => {
    expect(warned(command, changes())).toEqual([]);
  });
});
