import { shellQuote } from '../text.js';

/** The client of Kanidm that people log in to Proxmox with, and the groups of it. */
export interface KanidmWish {
  /** `https://idm.example.com` */
  url: string | undefined;
  /** Name of the client (Kanidm: resource server), which is also its client id. */
  client: string | undefined;
  displayName: string;
  /** Address of every node, as browsers have it. */
  origins: readonly string[];
  /** Scopes that Proxmox asks for, without `openid`. */
  scopes: readonly string[];
  /** Claim of groups; undefined: groups are not told. */
  claim: string | undefined;
  /** The value of the claim, and the group of Kanidm whose members get it. Members of all of them may log in. */
  roles: readonly { value: string; group: string }[];
  members: readonly { group: string; person: string }[];
  /** `alice` instead of `alice@idm.example.com` as the name of the user. */
  shortNames: boolean;
  /** Sign with RS256, for a Proxmox that does not take ES256. */
  legacyCrypto: boolean;
  /** Who runs it; has logged in with `kanidm login`. */
  administrator: string;
}

/** One call of the `kanidm` program, without a secret in it. */
export interface KanidmCommand {
  args: readonly string[];
  /** What is asked first: where its output shows this (see `shows`), the command is left out. */
  unless?: { args: readonly string[]; names: string } | undefined;
  /** What it prints is the client secret. */
  printsSecret?: true;
}

export type KanidmPlan = { ok: true; commands: KanidmCommand[] } | { ok: false; problems: string[] };

/** Of clients, groups and persons; nothing that a program could take for an option, or a shell for more than a word. */
const NAME = /^[a-z0-9_][a-z0-9._-]{0,63}$/;
const PERSON = /^[A-Za-z0-9_][A-Za-z0-9._@-]{0,127}$/;
const SCOPE = /^[a-z0-9_]{1,64}$/;
const CLAIM = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;

/**
 * Whether `kanidm … get` shows an object of this name: an attribute that is the name, alone or before its domain. That
 * it is not there is said with the name too, on standard output and with exit code 0 (`No matching group 'NAME'`).
 */
export function shows(output: string, name: string): boolean {
  return new RegExp(shownPattern(name), 'm').test(output);
}

/** For `grep -E` as well. */
function shownPattern(name: string): string {
  return `^[a-z0-9_]+: ${name.replaceAll('.', '[.]')}(@.*)?$`;
}

/**
 * Whether the program told of an error on standard error. Most of them, a refusal of the server included, leave its exit
 * code 0 (kanidm tools/cli, `handle_client_error`).
 */
export function tellsError(said: string): boolean {
  return said.includes(ERROR);
}

/** The level of its log lines, which it may colour. */
const ERROR = 'ERROR';

/** The commands in their order (Kanidm book, OAuth2), or every mistake of the wish at once. */
export function planKanidm(wish: KanidmWish): KanidmPlan {
  const problems = problemsOf(wish);
  if (problems.length > 0) return { ok: false, problems };
  const { client = '', origins, scopes, claim, roles, members, shortNames, legacyCrypto } = wish;
  const common = ['-H', wish.url ?? '', '-D', wish.administrator];
  const oauth2 = (verb: string, ...words: string[]): KanidmCommand => ({
    args: ['system', 'oauth2', verb, client, ...words, ...common],
  });
  const groups = [...new Set(roles.map(({ group }) => group))];
  const commands: KanidmCommand[] = [
    {
      ...oauth2('create', wish.displayName, origins[0] ?? ''),
      unless: { args: oauth2('get').args, names: client },
    },
    ...origins.map((origin) => oauth2('add-redirect-url', origin)),
    oauth2('enable-strict-redirect-url'),
    ...groups.map((group) => ({
      args: ['group', 'create', group, ...common],
      unless: { args: ['group', 'get', group, ...common], names: group },
    })),
    ...members.map(({ group, person }) => ({ args: ['group', 'add-members', group, person, ...common] })),
    // A group that is left out here cannot log in, whatever else it has.
    ...groups.map((group) => oauth2('update-scope-map', group, ...new Set(['openid', ...scopes]))),
  ];
  if (claim !== undefined) {
    commands.push(oauth2('update-claim-map-join', claim, 'array'));
    commands.push(
      ...valuesByGroup(roles).map(([group, values]) => oauth2('update-claim-map', claim, group, ...values)),
    );
  }
  if (shortNames) commands.push(oauth2('prefer-short-username'));
  if (legacyCrypto) commands.push(oauth2('warning-enable-legacy-crypto'));
  commands.push({ ...oauth2('show-basic-secret'), printsSecret: true });
  return { ok: true, commands };
}

/** One mapping for each group: a second one would take the place of the first. */
function valuesByGroup(roles: KanidmWish['roles']): [string, string[]][] {
  const values = new Map<string, string[]>();
  for (const { value, group } of roles) values.set(group, [...(values.get(group) ?? []), value]);
  return [...values];
}

function problemsOf(wish: KanidmWish): string[] {
  const { url, client, displayName, origins, scopes, claim, roles, members, administrator } = wish;
  const shown = (text: string) => JSON.stringify(text.slice(0, 80));
  const bad = (texts: readonly string[], rule: RegExp, what: string) =>
    [...new Set(texts)].filter((text) => !rule.test(text)).map((text) => `${shown(text)} is not ${what}`);
  return [
    ...(url !== undefined && isAddress(url)
      ? []
      : ['REALM_ISSUER_URL: expected the address of Kanidm, https://idm.example.com']),
    ...(client === undefined
      ? ['REALM_CLIENT_ID: missing: the name of the client in Kanidm']
      : bad([client], NAME, 'the name of a client in Kanidm')),
    ...bad([displayName], /^[A-Za-z0-9][A-Za-z0-9 ()._@-]{0,99}$/, 'a display name of letters, digits and spaces'),
    ...(origins.length === 0 ? ['REALM_ORIGINS: missing: the address of every node'] : []),
    ...origins.filter((origin) => !isAddress(origin)).map((origin) => `${shown(origin)} is not the address of a node`),
    ...bad(scopes, SCOPE, 'a scope of Kanidm'),
    ...bad(claim === undefined ? [] : [claim], CLAIM, 'the name of a claim'),
    ...(roles.length === 0 ? ['nobody could log in: name a group with --role VALUE=GROUP'] : []),
    ...bad(
      roles.map(({ group }) => group),
      NAME,
      'the name of a group in Kanidm',
    ),
    // What PVE takes for the name of a group.
    ...bad(
      roles.map(({ value }) => value),
      /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/,
      'a value that Proxmox makes a group of',
    ),
    ...bad(
      members.map(({ group }) => group),
      NAME,
      'the name of a group in Kanidm',
    ),
    ...bad(
      members.map(({ person }) => person),
      PERSON,
      'the name of a person in Kanidm',
    ),
    ...bad([administrator], PERSON, 'the name of a person in Kanidm'),
  ];
}

/** An origin without a path, in the spelling of a URL, so that no other character can be in it. */
function isAddress(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text && text.startsWith('https://');
}

/**
 * The same as a shell script for a person, every word quoted. It can be run again: what is there is not made anew. The
 * secret goes into a file of its owner alone and is never shown.
 */
export function kanidmScript(commands: readonly KanidmCommand[], secretFile: string): string {
  const file = shellQuote(secretFile);
  const [first] = commands;
  const at = first ? first.args.indexOf('-H') : -1;
  const login = ['kanidm', 'login', ...(first?.args.slice(at) ?? [])].map(shellQuote).join(' ');
  const lines = commands.map(({ args, unless, printsSecret }) => {
    const line = ['run', 'kanidm', ...args].map(shellQuote).join(' ');
    if (printsSecret)
      return [
        'umask 077',
        `new=$(mktemp ${file}.XXXXXX)`,
        `trap 'rm -f -- "$new"' EXIT`,
        `${line} >"$new"`,
        `[ -s "$new" ] || { echo 'kanidm printed no secret' >&2; exit 1; }`,
        `mv -- "$new" ${file}`,
      ].join('\n');
    if (!unless) return line;
    const ask = ['there', unless.names, 'kanidm', ...unless.args].map(shellQuote).join(' ');
    return `${ask} || ${line}`;
  });
  return [
    '#!/bin/bash',
    `# The client of Proxmox VE in Kanidm. Log in first: ${login}`,
    'set -euo pipefail',
    ...FUNCTIONS,
    ...lines,
    '',
  ].join('\n');
}

const FUNCTIONS = [
  '# kanidm ends with 0 after most errors too, and tells them on standard error alone.',
  'run() {',
  '  local code=0 said',
  '  { said=$("$@" 2>&1 >&3 3>&-) || code=$?; } 3>&1',
  `  [ -z "$said" ] || printf '%s\\n' "$said" >&2`,
  `  case $code:$said in 0:*${ERROR}*) code=1 ;; esac`,
  '  [ "$code" -eq 0 ] || exit "$code"',
  '}',
  'there() {',
  `  local name=\${1//./[.]}`,
  '  shift',
  `  "$@" 2>/dev/null | grep -E -e "^[a-z0-9_]+: $name(@.*)?$" >/dev/null`,
  '}',
];
