import { defaulted, optional, secret } from '../setting.js';
import { duration } from '../types/duration.js';
import { lakefsUrl, memberMatch, policyList } from '../types/lakefs.js';
import { guidList } from '../types/lists.js';
import { absolutePath, choice, line, pattern } from '../types/scalars.js';
import { valueType } from '../value-type.js';

/** Where the groups come from that lakeFS gets. */
export const LAKEFS_GROUP_SOURCES = ['filter', 'ids', 'app-assignments', 'mapping-file'] as const;

export type LakefsGroupSource = (typeof LAKEFS_GROUP_SOURCES)[number];

const permission = valueType('one of Read, Write, Super, Admin', (text, wrong) => {
  const lower = text.toLowerCase();
  return (['Read', 'Write', 'Super', 'Admin'] as const).find((each) => each.toLowerCase() === lower) ?? wrong();
});

const untilDeleted = valueType('a duration such as 24h or 7d, or never', (text, wrong) => {
  if (text.toLowerCase() === 'never') return 'never' as const;
  const parsed = duration().schema.safeParse(text);
  return parsed.success ? parsed.data : wrong();
});

/** Groups, members and policies of a lakeFS server. */
export const lakefsSettings = {
  LAKEFS_ENDPOINT: optional(lakefsUrl(), {
    about: 'The lakeFS server, with or without /api/v1. Turns the lakefs target on.',
    example: 'https://organisation.us-east-1.lakefscloud.io',
  }),
  LAKEFS_ACCESS_KEY_ID: optional(pattern(/^[^\s:]{1,256}$/, 'an access key id of lakeFS'), {
    about: 'Access key id of the user that writes to lakeFS.',
    example: 'AKIAIOSFODNN7EXAMPLE',
  }),
  LAKEFS_SECRET_ACCESS_KEY: secret(line('a secret access key of lakeFS'), {
    about: 'Secret access key.',
    example: 'secret-access-key-of-lakefs',
  }),
  LAKEFS_GROUP_SOURCE: optional(choice(...LAKEFS_GROUP_SOURCES), {
    about:
      'Which Entra groups lakeFS gets: filter (those whose name matches GROUP_FILTER), ids (LAKEFS_GROUP_IDS), app-assignments (those assigned to the enterprise application) or mapping-file (only those of LAKEFS_MAPPING_FILE). Without it ids where LAKEFS_GROUP_IDS is set, mapping-file where only that file is, else filter.',
    example: 'app-assignments',
  }),
  GROUP_FILTER: defaulted(line('a shell pattern for group names'), '*', {
    about:
      'Only groups whose display name matches this pattern (*, ?, [abc], [!abc]; upper and lower case differ). Names are not unique in Entra, and who may make a group chooses its name: ids and app-assignments are safer.',
    example: 'LakeFSProject*',
  }),
  LAKEFS_GROUP_IDS: defaulted(guidList('Entra groups'), '', {
    about: 'Object ids of the groups that lakeFS gets.',
    example: '00000000-0000-0000-0000-000000000001',
  }),
  LAKEFS_MAPPING_FILE: optional(absolutePath('a JSON file'), {
    about:
      'More groups, and which name and policies each has in lakeFS; an entry wins over what the source says. See docs/lakefs.md.',
    example: '/etc/entramox/lakefs-groups.json',
  }),
  LAKEFS_ADOPT_GROUP_IDS: defaulted(guidList('Entra groups'), '', {
    about:
      'Entra groups whose lakeFS group is there already, made by hand or by another tool, and is looked after from now on. Others of that name are left alone.',
    example: '00000000-0000-0000-0000-000000000001',
  }),
  LAKEFS_DEFAULT_POLICIES: defaulted(policyList(), 'AuthManageOwnCredentials,FSReadAll', {
    about: 'Policies of the groups for which the mapping file says nothing else. Set to nothing for none.',
    example: 'FSReadAll',
    blankCounts: true,
  }),
  LAKEFS_DEFAULT_ACL: optional(permission, {
    about: 'The same for a server with simplified access control: Read, Write, Super or Admin.',
    example: 'Read',
  }),
  LAKEFS_MODE: defaulted(choice('full', 'policies-only', 'members-only'), 'full', {
    about:
      'full: groups, members and policies. policies-only: members are left to SCIM. members-only: policies are left to people.',
    example: 'policies-only',
  }),
  LAKEFS_MEMBER_MATCH: defaulted(memberMatch(), 'id-template:waad|{oid},id:{upn},email,friendly-name', {
    about:
      'How the lakeFS user of a member is found, in this order: id-template:TEXT with {oid}, {upn} or {mail}; id:{upn}; email; friendly-name.',
    example: 'id:{upn},email',
  }),
  LAKEFS_MISSING_USERS: defaulted(choice('pending', 'create', 'invite'), 'pending', {
    about:
      'Members without a lakeFS user. pending: reported, and looked for again. create: a user is made. invite: lakeFS sends an invitation.',
    example: 'create',
  }),
  LAKEFS_DELETE_AFTER: optional(untilDeleted, {
    about:
      'How long a lakeFS group that we made is kept, without members, once its Entra group is gone; or never. Without it DELETE_AFTER.',
    example: 'never',
  }),
  LAKEFS_TIMEOUT: defaulted(duration({ minMs: 100, maxMs: 600_000 }), '30s', {
    about: 'Time-out of a single call to lakeFS.',
    example: '10s',
  }),
};
