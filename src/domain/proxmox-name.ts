export type ProxmoxName = { ok: true; userid: string } | { ok: false; why: string };

const EMAIL = /^[\w+~-]+(\.[\w+~-]+)*@[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*$/;
const MAX_EMAIL = 254;
const PLAIN = /^[\x21-\x7e]+$/;

/**
 * The Proxmox userid of a user principal name. PVE stores names beyond ASCII corrupted and splits lists at `,` and
 * `;`, and holds at most 64 characters with the realm (pve-access-control 9.1).
 */
export function proxmoxNameOf(upn: string, realm: string): ProxmoxName {
  const userid = `${upn}@${realm}`;
  if (!PLAIN.test(upn) || /[,;:/]/.test(upn)) {
    return { ok: false, why: `Proxmox cannot hold the user name "${upn.slice(0, 80)}"` };
  }
  if (userid.length > 64)
    return { ok: false, why: `"${userid.slice(0, 80)}" is longer than the 64 characters Proxmox holds` };
  return { ok: true, userid };
}

/** Whether PVE's e-mail rule takes this address; it refuses quotes, for one, though a userid may have them. */
export function isStorableEmail(email: string): boolean {
  return email.length <= MAX_EMAIL && EMAIL.test(email);
}
