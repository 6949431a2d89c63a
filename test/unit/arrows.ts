import { posix } from 'node:path';
import { scan } from './source-scan.js';

/** One file of the repository; `path` is below its root, with slashes. */
export interface SourceFile {
  path: string;
  text: string;
}

interface Rule {
  /** Other rooms that this one may import. Its own files it always may. */
  rooms: readonly string[];
  /** Single files of other rooms that it may import besides. */
  files?: readonly string[];
  /** `none`: pure; `node`: only `node:` modules; `all`: also npm packages. */
  packages: 'none' | 'node' | 'all';
}

const DOMAIN_SIDE = ['domain', 'durable', 'telemetry'];
const SOURCES_AND_TARGETS = ['entra', 'targets/linux', 'targets/proxmox', 'targets/lakefs', 'ledger', 'queue'];
const WORKERS = ['reconcile', 'listener', 'operator'];

/** Which room may import which; a room is a folder of `src`, and the most special one counts. */
const RULES: Readonly<Record<string, Rule>> = {
  domain: { rooms: [], packages: 'none' },
  accounts: { rooms: [], packages: 'node' },
  telemetry: { rooms: ['domain'], packages: 'all' },
  // What clients of any HTTP API share: knows nothing of whose API it is.
  http: { rooms: ['domain', 'telemetry'], packages: 'all' },
  // How a file is replaced whole: knows nothing of what the file is for.
  durable: { rooms: [], packages: 'node' },
  // Who may have changed a file: knows nothing of what the file is for.
  integrity: { rooms: ['domain'], packages: 'node' },
  config: { rooms: [...DOMAIN_SIDE, 'integrity'], packages: 'all' },
  queue: { rooms: DOMAIN_SIDE, packages: 'all' },
  ledger: { rooms: DOMAIN_SIDE, packages: 'all' },
  entra: { rooms: DOMAIN_SIDE, packages: 'all' },
  // Both ends of one protocol share its types.
  'targets/linux': { rooms: DOMAIN_SIDE, files: ['src/accounts/protocol.ts'], packages: 'all' },
  'targets/proxmox': { rooms: [...DOMAIN_SIDE, 'http'], packages: 'all' },
  'targets/lakefs': { rooms: [...DOMAIN_SIDE, 'http'], packages: 'all' },
  // The exposed process knows neither what we own nor how to write anywhere.
  listener: { rooms: [...DOMAIN_SIDE, 'entra', 'queue'], packages: 'all' },
  reconcile: { rooms: [...DOMAIN_SIDE, ...SOURCES_AND_TARGETS], packages: 'all' },
  // What an operator asks for is done by the reconciler in the same process.
  operator: { rooms: [...DOMAIN_SIDE, ...SOURCES_AND_TARGETS, 'integrity', 'reconcile'], packages: 'all' },
  web: { rooms: DOMAIN_SIDE, packages: 'all' },
  commands: {
    rooms: [...DOMAIN_SIDE, ...SOURCES_AND_TARGETS, ...WORKERS, 'config', 'integrity', 'web', 'accounts'],
    packages: 'all',
  },
  main: {
    rooms: [...DOMAIN_SIDE, ...SOURCES_AND_TARGETS, ...WORKERS, 'config', 'web', 'commands'],
    packages: 'all',
  },
  'test/simulators': { rooms: [], packages: 'all' },
};

const ENTRY_POINTS = new Set(['src/main.ts', 'src/accounts/main.ts']);
const ENVIRONMENT_READERS = /^src\/(config\/|accounts\/main\.ts$)/;

/** One line for each import that goes against an arrow, and for each reading of the environment in the wrong place. */
export function violations(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => [...new Set([...importViolations(file), ...environmentViolations(file)])]);
}

function importViolations({ path, text }: SourceFile): string[] {
  const room = roomOf(path);
  const rule = RULES[room];
  if (rule === undefined) return [`${path}: the folder ${room} has no arrows yet; add it to the table`];
  const found = scan(text);
  const computed = found.computedImports > 0 ? [`${path}: a computed import hides what it imports`] : [];
  return [...computed, ...found.specifiers.flatMap((specifier) => judge(path, room, rule, specifier))];
}

function judge(path: string, room: string, rule: Rule, specifier: string): string[] {
  if (!specifier.startsWith('.')) return judgePackage(path, room, rule, specifier);
  const target = posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts');
  if (ENTRY_POINTS.has(target)) return [`${path} imports ${target}: nothing imports an entry point`];
  const targetRoom = roomOf(target);
  if (targetRoom === room || rule.rooms.includes(targetRoom) || rule.files?.includes(target)) return [];
  return [`${path} imports ${specifier}: ${room} may not import ${targetRoom}`];
}

function judgePackage(path: string, room: string, rule: Rule, specifier: string): string[] {
  if (rule.packages === 'all') return [];
  if (rule.packages === 'node' && specifier.startsWith('node:')) return [];
  const allowed = rule.packages === 'node' ? 'node: modules only' : 'nothing outside itself';
  return [`${path} imports ${specifier}: ${room} may import ${allowed}`];
}

function environmentViolations({ path, text }: SourceFile): string[] {
  if (!path.startsWith('src/') || ENVIRONMENT_READERS.test(path) || !scan(text).readsEnvironment) return [];
  return [`${path} reads process.env: only src/config and src/accounts/main.ts may`];
}

function roomOf(path: string): string {
  if (path.startsWith('test/simulators/')) return 'test/simulators';
  const [top, ...rest] = path.split('/');
  if (top !== 'src') return `${top}/${rest[0] ?? ''}`;
  const [folder = '', next = ''] = rest;
  if (rest.length === 1) return folder.replace(/\.ts$/, '');
  return folder === 'targets' && rest.length > 2 ? `targets/${next}` : folder;
}
