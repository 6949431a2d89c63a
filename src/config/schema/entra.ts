import { defaulted, optional, secret } from '../setting.js';
import { duration } from '../types/duration.js';
import { fernetKey, fernetToken } from '../types/fernet.js';
import { domainList, guidList } from '../types/lists.js';
import { httpsUrl } from '../types/network.js';
import { role } from '../types/proxmox.js';
import { roleMap } from '../types/role-map.js';
import { absolutePath, boolean, choice, guid, line, pattern } from '../types/scalars.js';
import { expiry } from '../types/time.js';

const GROUP = '11111111-2222-3333-4444-555555555555';

/** Who asks Microsoft Entra ID, where, and with which credential. */
export const entraSettings = {
  ENTRA_TENANT_ID: optional(guid('the directory (tenant) id'), {
    about: 'Directory (tenant) id of the app registration.',
    example: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
  }),
  ENTRA_CLIENT_ID: optional(guid('the application (client) id'), {
    about: 'Application (client) id of the app registration.',
    example: '99999999-8888-4777-8666-555555555555',
  }),
  ENTRA_CLIENT_SECRET: secret(line('the value (not the id) of a client secret, on one line'), {
    about: 'Client secret. One of three credentials: this, a certificate, or for tests a ready token.',
    example: 'value-of-the-client-secret',
  }),
  ENTR_CLNT_SEC_ENC: secret(fernetToken(), {
    about:
      'Client secret, encrypted, as the predecessor had it and "entramox secret encrypt" prints it. Needs the key below.',
    example: 'fernet:what-secret-encrypt-printed',
  }),
  ENTRAMOX_ENC_KEY: secret(fernetKey(), {
    about:
      'Fernet key of ENTR_CLNT_SEC_ENC. Keep it in a file of its own: beside what it decrypts it protects nothing.',
    example: 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=',
  }),
  ENTRA_CLIENT_SECRET_EXPIRES: optional(expiry(), {
    about: 'When the client secret ends, as the Entra admin centre shows it. Warned of 30, 7 and 1 days before.',
    example: '2027-11-22',
  }),
  ENTRA_CERT_FILE: optional(absolutePath('a certificate in PEM form'), {
    about: 'Certificate credential: the certificate. Its SHA-256 thumbprint is taken from it.',
    example: '/etc/entramox/entra-cert.pem',
  }),
  ENTRA_CERT_THUMBPRINT_SHA256: optional(
    pattern(/^(?:[0-9a-fA-F]{2}:?){31}[0-9a-fA-F]{2}$/, 'a SHA-256 thumbprint: 64 hexadecimal digits'),
    {
      about: 'Certificate credential: the thumbprint, where the certificate itself is not at hand.',
      example: '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
    },
  ),
  ENTRA_CERT_KEY_FILE: optional(absolutePath('a private key in PEM form, without a passphrase'), {
    about:
      'Certificate credential: the private key, readable by its owner alone. Or the systemd credential entra-cert-key.',
    example: '/etc/entramox/credentials/entra-cert-key',
  }),
  GRAPH_ACCESS_TOKEN: secret(line('a bearer token on one line'), {
    about: 'A ready bearer token instead of a credential. For tests only: it ends within the hour and is not renewed.',
    example: 'eyJ0eXAiOiJKV1Qi-for-tests',
  }),
  ENTRA_CLOUD: defaulted(choice('global', 'usgov', 'dod', 'china'), 'global', {
    about: 'National cloud. Sets authority, Graph endpoint and token scope together.',
    example: 'usgov',
  }),
  ENTRA_AUTHORITY: optional(httpsUrl('the sign-in endpoint without the tenant'), {
    about: 'Sign-in endpoint, where it is not the one of ENTRA_CLOUD.',
    example: 'https://login.microsoftonline.com',
  }),
  GRAPH_BASE_URL: optional(httpsUrl('the Graph endpoint', /\/(?:v1\.0|beta)$/), {
    about: 'Graph endpoint without a version, where it is not the one of ENTRA_CLOUD.',
    example: 'https://graph.microsoft.com',
  }),
  GRAPH_TIMEOUT: defaulted(duration({ minMs: 100, maxMs: 600_000 }), '30s', {
    about: 'Time-out of a single call to Graph or to the sign-in endpoint.',
    example: '10s',
  }),
  GRAPH_ENFORCE: defaulted(boolean(), 'true', {
    about:
      'true: Entra decides who has access. false: the enabled users of the Proxmox realm do, by sweep alone and without Graph.',
  }),
  GRAPH_FAIL_OPEN: defaulted(boolean(), 'true', {
    about:
      'When Graph cannot be read, nobody loses or gains anything. true: the run is reported as degraded. false: it fails loudly as well.',
  }),
};

/** Who is in scope, and what the groups give. */
export const scopeSettings = {
  ENTRA_GROUP_IDS: defaulted(guidList('Entra groups'), '', {
    about: 'Groups whose members, direct or nested, are in scope. The groups of the role settings below count as well.',
    example: GROUP,
  }),
  ENTRA_USER_IDS: defaulted(guidList('Entra users'), '', {
    about: 'Users who are in scope whatever their groups.',
    example: '22222222-3333-4444-5555-666666666666',
  }),
  ALLOWED_UPN_DOMAINS: defaulted(domainList(), '', {
    about: 'Only users whose user principal name is of one of these domains are in scope. Empty: all domains.',
    example: 'example.com,sub.example.com',
  }),
  ENTRA_ROLE_MAP: defaulted(roleMap(), '', {
    about:
      'What each group gives, as JSON: group, and optionally pve_role, pve_group, path, sudo, linux_groups. Or {"<group>":"<role>"}.',
    example: `[{"group":"${GROUP}","pve_role":"PVEVMAdmin","path":"/pool/lab","sudo":false,"linux_groups":["lab"]}]`,
  }),
  ENTRA_ALLUSERS_GROUP_ID: optional(guid('the object id of the group of all users'), {
    about: 'Group of all users. Its role is given only where no other role applies.',
    example: '33333333-4444-5555-6666-777777777777',
  }),
  ENTRA_ALLUSERS_PVE_ROLE: optional(role(), {
    about: 'Role in Proxmox of everybody in ENTRA_ALLUSERS_GROUP_ID.',
    example: 'PVEAuditor',
  }),
  ENTRA_SUPERADMIN_GROUP_ID: optional(guid('the object id of the group of super-admins'), {
    about: 'Group of super-admins: sudo on Linux (with GRANT_SUDO) and the role below in Proxmox.',
    example: '44444444-5555-6666-7777-888888888888',
  }),
  ENTRA_SUPERADMIN_PVE_ROLE: optional(role(), {
    about: 'Role in Proxmox of everybody in ENTRA_SUPERADMIN_GROUP_ID.',
    example: 'Administrator',
  }),
};
