import type { Deprecation } from './aliases.js';
import { buildSettings } from './build-settings.js';
import { type Credential, readCertificateCredential } from './credential.js';
import { clientSecretOf } from './encrypted-secret.js';
import { type Environment, processEnvironment } from './environment.js';
import { expiriesOf } from './expiries.js';
import { gather } from './given.js';
import { type CommandName, needsOf } from './needs.js';
import type { Notice } from './notice.js';
import type { Origin } from './origin.js';
import { ConfigError } from './problem.js';
import { type ReadValues, readValues } from './read-values.js';
import { type RuleContext, ruleContext } from './rules/context.js';
import { entraRules } from './rules/entra.js';
import { eventHubRules } from './rules/event-hub.js';
import { fileRules } from './rules/files.js';
import { lakefsRules } from './rules/lakefs.js';
import { listenerRules } from './rules/listener.js';
import { roleRules } from './rules/roles.js';
import { sourceRules } from './rules/sources.js';
import { targetRules } from './rules/targets.js';
import { type SettingName, settingNames, type Values } from './schema/index.js';
import { readSecrets } from './secrets.js';
import type { Settings } from './settings.js';
import { MASK, shown } from './shown.js';
import { fromEnvironment, fromFile, isReadable, type ReadSource } from './sources.js';
import { unknownNames } from './unknown-names.js';

export interface LoadOptions {
  /** Variables that win over the file; by default those of this process. */
  env?: Environment;
  /** The file of --config, read as systemd reads an EnvironmentFile; a `.env` as dotenv reads it. */
  configFile?: string | undefined;
  /** Read in place of a `configFile` that is not given, where it is there and may be read. */
  fallbackFile?: string | undefined;
  /** What the settings are for; decides what may be missing and which secrets are read. Default: everything. */
  command?: CommandName;
  /** Reads the configuration file in place of the file system. */
  readFile?: (path: string) => string;
}

/** One setting as `config show` prints it: masked where it is secret, undefined where it is not set. */
export interface ShownSetting {
  name: SettingName;
  value: string | undefined;
  origin: Origin;
}

/** Where the configuration is, unless --config says otherwise. */
export const DEFAULT_CONFIG_FILE = '/etc/entramox/entramox.env';

export interface LoadedSettings {
  /** The configuration file that was read; undefined: the environment alone. */
  file: string | undefined;
  settings: Settings;
  origins: Readonly<Record<SettingName, Origin>>;
  notices: readonly Notice[];
  deprecations: readonly Deprecation[];
  /** Every setting in the order of the schema. */
  shown: readonly ShownSetting[];
}

/**
 * Reads, checks and groups the whole configuration: environment over file over defaults.
 * Throws ConfigError with every problem at once; a file that cannot be read is the only one, as the rest follows from it. Secrets are registered with the redaction on the way.
 */
export function loadSettings(options: LoadOptions = {}): LoadedSettings {
  const { env = processEnvironment(), fallbackFile, command = 'config', readFile } = options;
  const configFile = options.configFile ?? (isReadable(fallbackFile) ? fallbackFile : undefined);
  const needs = needsOf(command);
  const environment = fromEnvironment(env);
  const file = configFile === undefined ? NO_FILE : fromFile(configFile, readFile, env);
  if (file.unreadable) throw new ConfigError(file.problems);

  const gathered = gather([environment, file.source]);
  const secrets = readSecrets(gathered, env, needs);
  const read = readValues(gathered);
  const context = ruleContext({ read, gathered, present: secrets.present, needs, environment: env });
  entraRules(context);
  targetRules(context);
  const mapping = lakefsRules(context);
  listenerRules(context);
  sourceRules(context);
  eventHubRules(context);
  roleRules(context);
  fileRules(context);
  const credential = readCredential(context);

  const problems = [file, gathered, secrets, read, context].flatMap((part) => part.problems);
  if (problems.length > 0) throw new ConfigError(problems, configFile === undefined ? hintAt(fallbackFile) : undefined);
  const expiries = expiriesOf(context, credential);
  const settings = buildSettings(read.values as Values, context.targets, credential, expiries, configFile, {
    mapping,
    isGiven: context.isGiven,
    fileOf: (name) => gathered.files.get(name)?.value.trim(),
  });
  const shownSettings = settingNames.map((name) => show(name, read, secrets.present, settings));
  return {
    file: configFile,
    settings,
    origins: Object.fromEntries(shownSettings.map(({ name, origin }) => [name, origin])) as Record<SettingName, Origin>,
    notices: [...file.notices, ...unknownNames(environment, file.source), ...context.notices],
    deprecations: gathered.deprecations,
    shown: shownSettings,
  };
}

const CERTIFICATE_PATHS = ['ENTRA_CERT_FILE', 'ENTRA_CERT_KEY_FILE', 'ENTRA_CERT_THUMBPRINT_SHA256'] as const;

const NO_FILE: ReadSource = { source: new Map(), problems: [], notices: [] };

function hintAt(fallbackFile: string | undefined): string | undefined {
  if (fallbackFile === undefined) return undefined;
  return `No configuration file was read: ${fallbackFile} is not there, or you may not read it. Name one with --config FILE.`;
}

/** The one credential that is given, where the command asks Entra ID; problems of its files go to the context. */
function readCredential(context: RuleContext): Credential | undefined {
  const { values, needs, environment } = context;
  if (!needs.graph || values.GRAPH_ENFORCE === false) return undefined;
  if (values.ENTRA_CLIENT_SECRET !== undefined) return { kind: 'secret', clientSecret: values.ENTRA_CLIENT_SECRET };
  if (values.GRAPH_ACCESS_TOKEN !== undefined) return { kind: 'token', accessToken: values.GRAPH_ACCESS_TOKEN };
  if (!context.isCertificateGiven() && context.isGiven('ENTR_CLNT_SEC_ENC')) {
    const clientSecret = clientSecretOf(context);
    return clientSecret === undefined ? undefined : { kind: 'secret', clientSecret };
  }
  if (!context.isCertificateGiven() || CERTIFICATE_PATHS.some(context.isFailed)) return undefined;
  const { credential, problems } = readCertificateCredential(values, environment);
  context.problems.push(...problems);
  return credential;
}

function show(
  name: SettingName,
  read: ReadValues,
  present: ReadonlySet<SettingName>,
  settings: Settings,
): ShownSetting {
  const text = read.texts.get(name)?.trim();
  const origin = read.origins[name];
  if (text !== undefined) return { name, value: text === '' ? '' : shown(name, text), origin };
  if (present.has(name)) return { name, value: MASK, origin };
  return derived(name, settings) ?? { name, value: undefined, origin };
}

/** What holds for a setting that is not set and follows from others. */
function derived(name: SettingName, { entra, targets }: Settings): ShownSetting | undefined {
  const cloud: Origin = { kind: 'derived', from: 'ENTRA_CLOUD' };
  if (name === 'ENTRA_AUTHORITY') return { name, value: entra.authority, origin: cloud };
  if (name === 'GRAPH_BASE_URL') return { name, value: entra.graphBaseUrl, origin: cloud };
  if (name !== 'TARGETS') return undefined;
  return {
    name,
    value: targets.join(','),
    origin: { kind: 'derived', from: 'ACCOUNTS_SOCKET, PVE_API_TOKEN and LAKEFS_ENDPOINT' },
  };
}
