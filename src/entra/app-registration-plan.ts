import { problemsOfRegistration } from './app-registration.js';
import { assignmentsOf, bodyOf, changeOf, isMarked } from './app-registration-body.js';
import type { RegistrationPlanOptions } from './app-registration-plan-options.js';
import { remarksOn } from './app-registration-remarks.js';
import type { Application } from './app-registration-schema.js';
import { type RegistrationStep, secretName } from './app-registration-steps.js';

export interface RegistrationPlan {
  steps: RegistrationStep[];
  /** Why nothing is written, each with what to do about it. */
  conflicts: { why: string; remedy: string }[];
  remarks: string[];
}

/** Compares the application with what it shall be. Pure: it asks nobody and writes nothing. */
export function planRegistration(options: RegistrationPlanOptions): RegistrationPlan {
  const conflicts = conflictsOf(options);
  const remarks = remarksOn(options);
  return { conflicts, remarks, steps: conflicts.length > 0 ? [] : stepsOf(options) };
}

function conflictsOf(options: RegistrationPlanOptions): RegistrationPlan['conflicts'] {
  const { wanted, observed, adopt, ownClientId } = options;
  const { app, marked, namesakes } = observed;
  const { clientId, displayName } = wanted;
  const conflicts = problemsOfRegistration(wanted).map((why) => ({ why, remedy: 'correct it' }));
  if (clientId !== undefined && clientId.toLowerCase() === ownClientId?.toLowerCase()) {
    const why = 'people would log in with the application that asks Graph, whose secret Proxmox shows to its auditors';
    return [...conflicts, { why, remedy: 'leave REALM_CLIENT_ID out until this command has registered another' }];
  }
  if (clientId !== undefined && !app) {
    const why = `there is no application with the client id ${clientId} in this tenant`;
    conflicts.push({ why, remedy: 'correct REALM_CLIENT_ID, or leave it out to have an application registered' });
  }
  if (clientId === undefined && marked.length > 1) {
    const ids = marked.map(({ appId }) => appId).join(', ');
    const why = `${marked.length} applications carry our mark for this realm: ${ids}`;
    conflicts.push({ why, remedy: 'say which in REALM_CLIENT_ID, and delete the others' });
  }
  if (app && !isMarked(app, wanted) && !adopt) {
    const why = `the application ${app.displayName} (${app.appId}) was not made by Entramox, and nothing of it is changed`;
    conflicts.push({ why, remedy: '--adopt takes it under management' });
  }
  if (options.keptIsIdle !== undefined) {
    const remedy = 'first "entramox realm apply" and "entramox realm check"; --proxmox-has-it goes on without a look';
    conflicts.push({ why: `no client secret is removed: ${options.keptIsIdle}`, remedy });
  }
  if (locksEverybodyOut(options)) {
    const why =
      'everybody in the tenant can log in now, and would be locked out: assignment shall be required, and nobody is assigned';
    conflicts.push({ why, remedy: 'say who may log in: --group, --role or ENTRA_GROUP_IDS' });
  }
  const [namesake] = namesakes;
  if (!app && namesake) {
    const why = `there is an application ${JSON.stringify(displayName)} already (${namesake.appId}), which is somebody else's`;
    conflicts.push({ why, remedy: 'choose another --display-name, or name it in REALM_CLIENT_ID and --adopt it' });
  }
  return conflicts;
}

/** Without an assignment nobody passes the requirement of one. */
function locksEverybodyOut({ wanted, observed: { app, principal, assignments } }: RegistrationPlanOptions): boolean {
  const isOpen = principal !== undefined && principal.appRoleAssignmentRequired !== true;
  return isOpen && assignments.length + assignmentsOf(wanted, app).length === 0;
}

function stepsOf(options: RegistrationPlanOptions): RegistrationStep[] {
  const { wanted, observed, newSecretForMs, keepSecretHint, now } = options;
  const { app, principal, assignments } = observed;
  const steps: RegistrationStep[] = [];
  if (!app) steps.push({ do: 'app.create', body: bodyOf(wanted, undefined, false) });
  else steps.push(...changeOf(wanted, app, options.prune === true));
  if (!principal) steps.push({ do: 'principal.create' });
  for (const assignment of assignmentsOf(wanted, app)) {
    const { principalId, appRoleId: role } = assignment;
    const isThere = assignments.some((one) => one.principalId === principalId && one.appRoleId === role);
    if (!isThere) steps.push({ do: 'assignment.add', ...assignment });
  }
  // Last of them: before, whoever is not assigned yet could not log in.
  if (principal && principal.appRoleAssignmentRequired !== true) {
    steps.push({ do: 'principal.change', changes: ['assignment is required'] });
  }
  if (newSecretForMs !== undefined) {
    const endsAt = `${new Date(now + newSecretForMs).toISOString().slice(0, 19)}Z`;
    steps.push({ do: 'secret.add', name: secretName(wanted.realm), endsAt });
  }
  if (keepSecretHint !== undefined && app) steps.push(...removalsOf(app, wanted.realm, keepSecretHint));
  return steps;
}

/** Nothing is removed unless the one to keep is there: a wrong file must not lock everybody out. */
function removalsOf(app: Application, realm: string, keep: string): RegistrationStep[] {
  const ours = app.passwordCredentials.filter(({ displayName }) => displayName === secretName(realm));
  if (!ours.some(({ hint }) => hint === keep)) return [];
  return ours
    .filter(({ hint }) => hint !== keep)
    .map(({ keyId, hint, endDateTime }) => ({ do: 'secret.remove', keyId, hint: hint ?? '', endsAt: endDateTime }));
}
