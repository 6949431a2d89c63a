import { abilitiesOf } from '../abilities.js';
import type { RealmDeclaration } from '../declaration.js';
import { isSameUsernameClaim } from '../fields.js';
import type { ObservedRealms } from '../observe.js';
import { planRealm, type RealmPlanOptions } from '../plan.js';
import { quoted } from './exchange.js';
import { fine, type RealmFinding, remark, skipped, wrong } from './finding.js';

/** The realm as it stands in Proxmox, held against the declaration by the plan of `realm apply`. No I/O. */
export function checkSettings(options: RealmPlanOptions): RealmFinding[] {
  const { declared, observed } = options;
  return [checkVersion(declared, observed), checkRealm(options), checkUsernameClaim(declared, observed)];
}

function checkVersion({ groups, audiences }: RealmDeclaration, { version }: ObservedRealms): RealmFinding {
  const name = 'realm.version';
  const abilities = abilitiesOf(version);
  const lacking = [
    ...(groups && !abilities.groups ? ['groups-claim (8.4 and later)'] : []),
    ...(audiences.length > 0 && !abilities.audiences ? ['audiences (9.1 and later)'] : []),
  ];
  const saw = `Proxmox VE ${version.text}`;
  if (lacking.length === 0) return fine(name, saw);
  return wrong(
    name,
    `${saw} has no ${lacking.join(' and no ')}`,
    'bring Proxmox up to date, or leave these settings out',
  );
}

function checkRealm(options: RealmPlanOptions): RealmFinding {
  const name = 'realm.settings';
  const { declared, observed } = options;
  if (!observed.realm) return wrong(name, `there is no realm ${declared.realm}`, 'entramox realm apply');
  const { step, refusals } = planRealm(options);
  const [refusal] = refusals;
  if (refusal)
    return wrong(name, refusals.map(({ why }) => why).join('; '), refusals.map(({ remedy }) => remedy).join('; '));
  if (!step) {
    const saw = `the realm ${declared.realm} is as declared`;
    return declared.clientKey
      ? fine(name, `${saw}, its client key included`)
      : remark(name, `${saw}; no client key is declared to compare`);
  }
  const differing = step.do === 'realm.change' ? step.changes : [];
  const saw = differing.map(({ field, is, shall }) => `${field} is ${shown(is)}, not ${shown(shall)}`).join('; ');
  return wrong(name, saw, 'entramox realm apply');
}

function checkUsernameClaim(declared: RealmDeclaration, { realm }: ObservedRealms): RealmFinding {
  const name = 'realm.username-claim';
  if (!realm) return skipped(name, 'there is no realm', 'entramox realm apply');
  const is = realm.settings.get('username-claim');
  if (isSameUsernameClaim(declared, is)) return fine(name, is ?? 'subject, since none is set');
  return wrong(
    name,
    `it is ${is ?? 'subject (none is set)'}, not ${declared.usernameClaim}: whoever logs in is taken for somebody else`,
    `Proxmox cannot change it: set REALM_USERNAME_CLAIM=${is ?? 'subject'}, or delete the realm and let entramox realm apply make it anew`,
  );
}

function shown(text: string | undefined): string {
  return text === undefined ? 'not set' : quoted(text);
}
