import { describe, expect, it } from 'vitest';
import { OWN_TOKEN_FILE, ownDeclaration } from '../../../../src/commands/token/own-declaration.js';
import { loadSettings } from '../../../../src/config/load.js';
import { addressOf, placesOf } from '../../../../src/targets/proxmox/tokens/declared-sink.js';

const ENV = { REALM: 'entra', ENTRA_GROUP_IDS: '11111111-1111-4111-8111-111111111111', TARGETS: 'proxmox' };

function placesWith(env: Record<string, string>): readonly string[] {
  const declaration = ownDeclaration(loadSettings({ env: { ...ENV, ...env }, command: 'status' }).settings);
  return declaration ? placesOf(declaration.sink).map(addressOf) : [];
}

describe("the place of Entramox's own token", () => {
  it('is the file that the service reads it from, so that a rotation reaches the service', () => {
    expect(placesWith({ PVE_API_TOKEN_FILE: '/srv/entramox/pve-token' })).toEqual(['/srv/entramox/pve-token']);
  });

  it('is the credential of the units where no file is named', () => {
    expect(placesWith({})).toEqual([OWN_TOKEN_FILE]);
  });
});
