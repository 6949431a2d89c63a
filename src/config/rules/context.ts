import { certificateKeyPath } from '../credential.js';
import type { Environment } from '../environment.js';
import type { Gathered } from '../given.js';
import type { Needs } from '../needs.js';
import type { Notice } from '../notice.js';
import { describeOrigin } from '../origin.js';
import type { Problem } from '../problem.js';
import type { ReadValues } from '../read-values.js';
import { type SettingName, schema, type Values } from '../schema/index.js';
import type { TargetName } from '../schema/operations.js';
import { shown } from '../shown.js';

/** What the rules that span several settings see, and where they put their findings. */
export interface RuleContext {
  values: Partial<Values>;
  needs: Needs;
  environment: Environment;
  targets: readonly TargetName[];
  /** Somebody set it, wrong or right; for secrets also in a file that was not read. */
  isGiven(name: SettingName): boolean;
  /** Its value stands in the configuration itself: not in a file that it names, nor in a systemd credential. */
  isWrittenOut(name: SettingName): boolean;
  /** It was given and cannot be read; that has been told already. */
  isFailed(name: SettingName): boolean;
  /** Any part of the certificate credential was given, in a setting or by systemd. */
  isCertificateGiven(): boolean;
  problem(name: SettingName, expected: string): void;
  notice(kind: Notice['kind'], key: string, text: string): void;
  problems: Problem[];
  notices: Notice[];
}

const certificateSettings = ['ENTRA_CERT_FILE', 'ENTRA_CERT_KEY_FILE', 'ENTRA_CERT_THUMBPRINT_SHA256'] as const;

interface ContextParts {
  read: ReadValues;
  gathered: Gathered;
  present: ReadonlySet<SettingName>;
  needs: Needs;
  environment: Environment;
}

/** A context over what was read; its problems and notices start empty. */
export function ruleContext({ read, gathered, present, needs, environment }: ContextParts): RuleContext {
  const problems: Problem[] = [];
  const notices: Notice[] = [];
  const isGiven = (name: SettingName) => gathered.direct.has(name) || present.has(name);
  const isFailed = (name: SettingName) => read.failed.has(name);
  return {
    values: read.values,
    needs,
    environment,
    targets: read.values.TARGETS ?? defaultTargets(isGiven, isLinuxReachable(read.values, isFailed)),
    isGiven,
    isWrittenOut(name) {
      const kind = gathered.direct.get(name)?.origin.kind;
      return kind === 'environment' || kind === 'file';
    },
    isFailed,
    isCertificateGiven: () =>
      certificateSettings.some(isGiven) || certificateKeyPath(read.values, environment) !== undefined,
    problem(name, expected) {
      const given = gathered.direct.get(name);
      problems.push({
        key: given?.name ?? name,
        value: given ? shown(name, given.value) : 'not set',
        expected,
        example: schema[name].secret ? `${name}_FILE=/etc/entramox/credentials/…` : `${name}=${schema[name].example}`,
        origin: given ? describeOrigin(given.origin) : undefined,
      });
    },
    notice: (kind, key, text) => notices.push({ kind, key, text }),
    problems,
    notices,
  };
}

/** The account agent can be reached, or would be if its setting were right. */
export function isLinuxReachable(values: Partial<Values>, isFailed: (name: SettingName) => boolean): boolean {
  const reached = values.ACCOUNTS_SOCKET !== undefined || values.ACCOUNTS_COMMAND !== undefined;
  return reached || isFailed('ACCOUNTS_SOCKET') || isFailed('ACCOUNTS_COMMAND');
}

/** Settings that say who is in scope. */
export const SCOPE_SETTINGS = [
  'ENTRA_GROUP_IDS',
  'ENTRA_USER_IDS',
  'ENTRA_ROLE_MAP',
  'ENTRA_ALLUSERS_GROUP_ID',
  'ENTRA_SUPERADMIN_GROUP_ID',
] as const satisfies readonly SettingName[];

/**
 * What is configured. The account agent has an address without anybody having said so; with lakeFS configured and
 * nobody in scope, as the predecessor's configuration is, it is not meant.
 */
function defaultTargets(isGiven: (name: SettingName) => boolean, linux: boolean): readonly TargetName[] {
  const lakefs = isGiven('LAKEFS_ENDPOINT');
  const meant = !lakefs || isGiven('ACCOUNTS_COMMAND') || SCOPE_SETTINGS.some(isGiven);
  return [
    ...(linux && meant ? (['linux'] as const) : []),
    ...(isGiven('PVE_API_TOKEN') ? (['proxmox'] as const) : []),
    ...(lakefs ? (['lakefs'] as const) : []),
  ];
}
