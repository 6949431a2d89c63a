import type { Control } from './control.js';

/** Puts `admin@pve` in charge of everything, and gives the token `admin@pve!setup` of the same rights. */
export function addAdministrator(control: Control, more: { password?: string; comment?: string } = {}): string {
  control.addUser({ userid: 'admin@pve', ...more });
  control.setAcl({ path: '/', type: 'user', ugid: 'admin@pve', roleid: 'Administrator' });
  return control.createToken('admin@pve', 'setup', { privsep: false });
}
