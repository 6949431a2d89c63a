import { ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { equip } from '../settings-of.js';
import { registerInEntra } from './registration-entra.js';
import { registerInKanidm } from './registration-kanidm.js';
import type { RegistrationOptions } from './registration-options.js';

/** Shows what the provider has to know of Proxmox, and what would be changed there. Writes nothing anywhere. */
export async function registrationPlan(options: RegistrationOptions, io: Io): Promise<ExitCode> {
  return registration('plan', options, io);
}

/** Makes the provider know Proxmox. Exit 1 where something failed, is in conflict, or we may not. */
export async function registrationApply(options: RegistrationOptions, io: Io): Promise<ExitCode> {
  return registration('apply', options, io);
}

async function registration(verb: 'plan' | 'apply', options: RegistrationOptions, io: Io): Promise<ExitCode> {
  const usesGraphCredential = options.graphTokenFile === undefined;
  const { settings } = equip('registration', options, io);
  const idp = options.idp ?? settings.realm.idp;
  switch (idp) {
    case 'entra': {
      const equipment = usesGraphCredential
        ? equip('realm-registration', options, io)
        : equip('registration', options, io);
      return registerInEntra(verb, options, equipment, io);
    }
    case 'kanidm':
      return registerInKanidm(verb, options, equip('registration', options, io), io);
    case 'generic':
      io.err('of another provider nothing is known: register the redirect URIs of "entramox realm plan" there');
      return ExitCode.usage;
    case undefined:
      io.err('who lets people log in is not said: --idp entra or kanidm, or REALM_IDP in the configuration');
      return ExitCode.usage;
    default:
      return idp satisfies never;
  }
}
