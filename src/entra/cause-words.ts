import type { GroupId } from '../domain/identity.js';

/** What is wrong, and what an operator can do about it; both without a full stop. Status, log and doctor use the same. */
export interface CauseWords {
  saw: string;
  mend: string;
}

export const SECRETS_PAGE = 'Entra admin centre, App registrations, Certificates & secrets';

const MICROSOFT_DOWN = 'nothing to do while Microsoft is down (status.cloud.microsoft); it is tried again by itself';

/** The token endpoint cannot be asked. */
export const LOGIN_MEND = `${MICROSOFT_DOWN}. Where other hosts get tokens, "entramox doctor" checks name, route, certificate and proxy`;

/** Graph answers with 5xx, or not at all. */
export const GRAPH_MEND = `${MICROSOFT_DOWN}. Where other hosts reach it, "entramox doctor" checks name, route, certificate and proxy`;

/** Graph answers 429. */
export const THROTTLED_MEND =
  'nothing to do: it is tried again when Graph wants. Another app may use up what the whole tenant has (Entra admin centre, Usage & insights)';

/** Something else than Graph answers in its place. */
export const BETWEEN_MEND = 'check GRAPH_BASE_URL and the proxy in between; "entramox doctor" shows who answers';

/** AADSTS7000222, the most common failure of a long run. */
export function expiredSecret(clientId: string): CauseWords {
  return {
    saw: `the client secret of app ${clientId} has expired`,
    mend: `make a new one (${SECRETS_PAGE}), put it into ENTRA_CLIENT_SECRET, restart`,
  };
}

/** Of a group whose name stands before it. */
export const GROUP_GONE = 'the group is gone, or its id is wrong; see ENTRA_GROUP_IDS and ENTRA_ROLE_MAP';

/** A configured group is not there (404). Its members keep what they have until it is back or not configured any more. */
export function groupGone(group: GroupId): CauseWords {
  return {
    saw: `the group ${group} is gone, or its id is wrong`,
    mend:
      'nobody loses access for it. If it was deleted on purpose take its id out of the settings (ENTRA_GROUP_IDS, ' +
      'ENTRA_ROLE_MAP, ENTRA_ALLUSERS_GROUP_ID, ENTRA_SUPERADMIN_GROUP_ID) and restart; a Microsoft 365 group can be ' +
      'restored for 30 days (Entra admin centre, Groups, Deleted groups)',
  };
}

/** The listing of a group is refused (403), or is empty although its members may not be seen. */
export function membersHidden(group: GroupId): CauseWords {
  return {
    saw: `the members of the group ${group} are hidden from this app`,
    mend:
      'grant GroupMember.Read.All and User.Read.All, and Member.Read.Hidden for a group with hidden membership (Entra ' +
      'admin centre, App registrations, API permissions), with admin consent',
  };
}

/** Graph shows objects with nothing but their id: limited information for an app that may not read users. */
export const LIMITED_INFORMATION: CauseWords = {
  saw: 'Graph shows people with null in place of what a decision rests on (limited information)',
  mend: 'grant User.Read.All (Entra admin centre, App registrations, API permissions) with admin consent; User.ReadBasic.All does not show accountEnabled',
};
