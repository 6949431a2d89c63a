import type { Command } from 'commander';
import type { AddVerb } from '../add-verb.js';
import type { Io } from '../io.js';
import { withoutPbs } from '../token/options.js';
import { realmApply } from './apply.js';
import { realmCheck } from './check.js';
import { withRealmOptions, withRealmWriteOptions } from './options.js';
import { realmPlan } from './plan.js';
import { registrationApply, registrationPlan } from './registration.js';
import { withRegistrationOptions } from './registration-options.js';

/** The verbs of `entramox realm`. */
export function addRealmVerbs(program: Command, verb: AddVerb, finish: (code: number) => void, io: Io): void {
  const realm = program.command('realm').description('the OpenID realm of Proxmox, through which people log in');
  for (const [name, text, action] of [
    ['plan', 'show what "apply" would do, and the redirect URIs', realmPlan],
    ['apply', 'make the realm what the configuration says, and read it back', realmApply],
  ] as const) {
    withRealmWriteOptions(verb(name, text, realm)).action(async (options) => finish(await action(options, io)));
  }
  withoutPbs(
    withRealmOptions(verb('check', 'prove that people can log in, without anybody logging in', realm)),
    '"realm check"',
  )
    .option('--allow-groups-overwrite', 'REALM_GROUPS_OVERWRITE is meant, as it was said to "apply"')
    .option('--graph-token-file <file>', 'Entra: a ready access token of somebody who may see applications')
    .action(async (options) => finish(await realmCheck(options, io)));
  const registration = realm
    .command('registration')
    .description('what the provider knows of Proxmox: the application in Entra, the client in Kanidm');
  for (const [name, text, action] of [
    ['plan', 'show what "apply" would do; for Kanidm, as a script', registrationPlan],
    ['apply', 'make the provider know Proxmox', registrationApply],
  ] as const) {
    withRegistrationOptions(verb(name, text, registration)).action(async (options) =>
      finish(await action(options, io)),
    );
  }
}
