import { type RuleContext, SCOPE_SETTINGS } from './context.js';

/** Tenant, application, exactly one credential, and somebody in scope: all needed where Entra decides. */
export function entraRules(context: RuleContext): void {
  const { values, needs } = context;
  const enforced = values.GRAPH_ENFORCE ?? true;
  const credentials = givenCredentials(context);
  encryptedSecretRule(context, credentials);
  if (credentials.includes('GRAPH_ACCESS_TOKEN')) {
    context.notice(
      'insecure',
      'GRAPH_ACCESS_TOKEN',
      'A ready token ends within the hour and is not renewed: use it for tests only.',
    );
  }
  if (!enforced || !needs.graph) return;

  if (!context.isGiven('ENTRA_TENANT_ID')) {
    context.problem('ENTRA_TENANT_ID', 'the directory (tenant) id, since GRAPH_ENFORCE is true');
  }
  if (!context.isGiven('ENTRA_CLIENT_ID')) {
    context.problem('ENTRA_CLIENT_ID', 'the application (client) id, since GRAPH_ENFORCE is true');
  }
  if (credentials.length === 0 && !context.isGiven('ENTR_CLNT_SEC_ENC')) {
    context.problem(
      'ENTRA_CLIENT_SECRET',
      'a credential: ENTRA_CLIENT_SECRET_FILE, the systemd credential entra-client-secret, or ENTRA_CERT_FILE with ENTRA_CERT_KEY_FILE',
    );
  }
  if (credentials.length > 1) {
    context.problem(
      credentials[0] ?? 'ENTRA_CLIENT_SECRET',
      `exactly one credential; given are ${credentials.join(' and ')}`,
    );
  }
  scopeRule(context);
}

function scopeRule(context: RuleContext): void {
  const { values, isFailed } = context;
  const somebody = SCOPE_SETTINGS.some((name) => isFailed(name) || (values[name]?.length ?? 0) > 0);
  if (!context.needs.scope || somebody) return;
  // The groups of lakeFS have settings of their own.
  if (context.targets.length > 0 && context.targets.every((target) => target === 'lakefs')) return;
  context.problem(
    'ENTRA_GROUP_IDS',
    'at least one group or user: ENTRA_GROUP_IDS, ENTRA_USER_IDS, ENTRA_ROLE_MAP or one of the role groups',
  );
}

type CredentialSetting = 'ENTRA_CLIENT_SECRET' | 'ENTRA_CERT_KEY_FILE' | 'GRAPH_ACCESS_TOKEN';

function givenCredentials({ isGiven, isCertificateGiven }: RuleContext): CredentialSetting[] {
  return [
    ...(isGiven('ENTRA_CLIENT_SECRET') ? (['ENTRA_CLIENT_SECRET'] as const) : []),
    ...(isCertificateGiven() ? (['ENTRA_CERT_KEY_FILE'] as const) : []),
    ...(isGiven('GRAPH_ACCESS_TOKEN') ? (['GRAPH_ACCESS_TOKEN'] as const) : []),
  ];
}

/** Of old, a secret in plain text wins over the encrypted one. */
function encryptedSecretRule(
  { isGiven, isWrittenOut, notice }: RuleContext,
  credentials: readonly CredentialSetting[],
): void {
  if (isWrittenOut('ENTR_CLNT_SEC_ENC') && isWrittenOut('ENTRAMOX_ENC_KEY')) {
    notice(
      'insecure',
      'ENTRAMOX_ENC_KEY',
      'ENTRAMOX_ENC_KEY stands beside ENTR_CLNT_SEC_ENC, which it decrypts: put it into a file of mode 0600 (ENTRAMOX_ENC_KEY_FILE) or hand it over as the systemd credential entramox-enc-key.',
    );
  }
  const [winner] = credentials;
  if (winner === undefined || !isGiven('ENTR_CLNT_SEC_ENC')) return;
  notice('ignored', 'ENTR_CLNT_SEC_ENC', `ENTR_CLNT_SEC_ENC is ignored, since ${winner} is given; remove it.`);
}
