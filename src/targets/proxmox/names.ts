/** Why a name cannot be a managed Proxmox VE user, and what to do about it. */
export interface NameProblem {
  what: string;
  remedy: string;
}

const MIN_LENGTH = 3;
const MAX_LENGTH = 64;
const PLAIN = /^[\x21-\x7e]+$/;
const FORBIDDEN = /[,;:/]/;

/**
 * Checks a full userid `name@realm`. PVE accepts more than it can keep: names beyond ASCII are stored corrupted, and
 * `,` and `;` split group lists (pve-access-control 9.1), so only printable ASCII without `, ; : /` passes.
 * `untouchable` are users that nobody may hand to us, such as the owner of our own API token.
 */
export function nameProblem(userid: string, realm: string, untouchable: readonly string[]): NameProblem | undefined {
  const shown = JSON.stringify(userid.slice(0, 80));
  const name = userid.endsWith(`@${realm}`) ? userid.slice(0, -realm.length - 1) : undefined;
  if (name === undefined || name === '') {
    return { what: `${shown} is not a user of the realm ${realm}`, remedy: 'check REALM and the name in Entra' };
  }
  if (!PLAIN.test(userid) || FORBIDDEN.test(userid)) {
    return {
      what: `Proxmox VE cannot hold the name ${shown}: only ASCII without space and , ; : / is stored unharmed`,
      remedy: 'give the person a user principal name of plain ASCII in Entra',
    };
  }
  if (userid.length > MAX_LENGTH || userid.length < MIN_LENGTH) {
    return {
      what: `Proxmox VE cannot hold the name ${shown}: it has ${userid.length} characters with its realm, allowed are ${MIN_LENGTH} to ${MAX_LENGTH}`,
      remedy: 'shorten the user principal name in Entra, or the name of the realm',
    };
  }
  if (untouchable.includes(userid)) {
    return {
      what: `${shown} is a user that Proxmox VE or Entramox itself needs`,
      remedy: 'give the person another user principal name, or the API token another user',
    };
  }
  return undefined;
}
