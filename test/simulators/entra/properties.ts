/** The properties of a user that `$select` may name (CSDL of Graph v1.0). */
export const USER_PROPERTIES: ReadonlySet<string> = words(`
  id deletedDateTime aboutMe accountEnabled ageGroup assignedLicenses assignedPlans authorizationInfo birthday
  businessPhones city companyName consentProvidedForMinor country createdDateTime creationType
  customSecurityAttributes department deviceEnrollmentLimit displayName employeeHireDate employeeId
  employeeLeaveDateTime employeeOrgData employeeType externalUserState externalUserStateChangeDateTime faxNumber
  givenName hireDate identities identityParentId imAddresses interests isManagementRestricted isResourceAccount
  jobTitle lastPasswordChangeDateTime legalAgeGroupClassification licenseAssignmentStates mail mailboxSettings
  mailNickname mobilePhone mySite officeLocation onPremisesDistinguishedName onPremisesDomainName
  onPremisesExtensionAttributes onPremisesImmutableId onPremisesLastSyncDateTime onPremisesProvisioningErrors
  onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesSyncEnabled onPremisesUserPrincipalName otherMails
  passwordPolicies passwordProfile pastProjects postalCode preferredDataLocation preferredLanguage preferredName print
  provisionedPlans proxyAddresses responsibilities schools securityIdentifier serviceProvisioningErrors
  showInAddressList signInActivity signInSessionsValidFromDateTime skills state streetAddress surname usageLocation
  userPrincipalName userType`);

/** The properties of a group that `$select` may name (CSDL of Graph v1.0). */
export const GROUP_PROPERTIES: ReadonlySet<string> = words(`
  id deletedDateTime accessType allowExternalSenders assignedLabels assignedLicenses autoSubscribeNewMembers
  classification createdDateTime description displayName expirationDateTime groupTypes hasMembersWithLicenseErrors
  hideFromAddressLists hideFromOutlookClients infoCatalogs isArchived isAssignableToRole isFavorite
  isManagementRestricted isSubscribedByMail licenseProcessingState mail mailEnabled mailNickname membershipRule
  membershipRuleProcessingState onPremisesDomainName onPremisesExtensionAttributes onPremisesLastSyncDateTime
  onPremisesNetBiosName onPremisesProvisioningErrors onPremisesSamAccountName onPremisesSecurityIdentifier
  onPremisesSyncEnabled organizationId preferredDataLocation preferredLanguage proxyAddresses renewedDateTime
  resourceBehaviorOptions resourceProvisioningOptions securityEnabled securityIdentifier serviceProvisioningErrors
  theme uniqueName unseenConversationsCount unseenCount unseenMessagesCount visibility welcomeMessageEnabled`);

/** What comes back for a user when nothing is selected: accountEnabled is not among it. */
export const USER_DEFAULTS: readonly string[] = [
  ...words(`businessPhones displayName givenName jobTitle mail mobilePhone officeLocation preferredLanguage surname
  userPrincipalName id`),
];

/** What comes back for a group when nothing is selected. */
export const GROUP_DEFAULTS: readonly string[] = [
  ...words(`id deletedDateTime classification createdDateTime description displayName groupTypes mail mailEnabled
  mailNickname membershipRule securityEnabled visibility`),
];

/** Collections are empty where scalars are null. */
export const LIST_PROPERTIES: ReadonlySet<string> = words(`
  assignedLicenses assignedPlans businessPhones identities imAddresses interests licenseAssignmentStates
  onPremisesProvisioningErrors otherMails pastProjects provisionedPlans proxyAddresses responsibilities schools
  serviceProvisioningErrors skills assignedLabels groupTypes infoCatalogs resourceBehaviorOptions
  resourceProvisioningOptions`);

function words(text: string): Set<string> {
  return new Set(text.split(/\s+/).filter((word) => word !== ''));
}
