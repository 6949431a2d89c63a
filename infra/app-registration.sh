#!/usr/bin/env bash
# Registers Entramox in Microsoft Entra ID, with the Azure CLI: an application of this tenant alone, read-only
# permissions, and a certificate whose private key never leaves this machine.
# With --realm instead the application that people log in to Proxmox VE with; "entramox realm registration" does the
# same, compares what is there, and can be run again, which this cannot.
# Prints the commands; with --apply it runs them (first: az login, as somebody who may grant admin consent).
set -euo pipefail

usage() {
  cat <<'END'
Usage: app-registration.sh [options]

  --name NAME      display name of the application (Entramox)
  --folder DIR     where certificate and key go (/etc/entramox); the key as DIR/credentials/entra-cert-key
  --secret         a client secret (DIR/credentials/entra-client-secret) instead of a certificate
  --hidden         also Member.Read.Hidden, for groups with hidden membership
  --group-read     also Group.Read.All, only where Graph answers 403 to subscriptions on groups without it
  --assignments    also Application.Read.All, for LAKEFS_GROUP_SOURCE=app-assignments
  --realm REALM    the application for logging in to Proxmox VE, with a client secret (DIR/credentials/realm-client-secret)
  --origin URL     with --realm: the address of a node as browsers have it, https://pve1.example.com:8006; for each node
  --group ID       with --realm: object id of a group whose members may log in; repeat it
  --apply          run the commands instead of printing them
END
}

fail() {
  printf 'app-registration.sh: %s\n' "$1" >&2
  exit 2
}

name='' folder='/etc/entramox' kind='certificate' realm='' apply=false
origins=() groups=()
permissions=(GroupMember.Read.All User.Read.All)
while [ $# -gt 0 ]; do
  case "$1" in
    --name | --folder | --realm | --origin | --group)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case "$1" in
        --name) name=$2 ;;
        --folder) folder=$2 ;;
        --realm) realm=$2 ;;
        --origin) origins+=("$2") ;;
        --group) groups+=("$2") ;;
      esac
      shift 2
      ;;
    --secret) kind='secret'; shift ;;
    --hidden) permissions+=(Member.Read.Hidden); shift ;;
    --group-read) permissions+=(Group.Read.All); shift ;;
    --assignments) permissions+=(Application.Read.All); shift ;;
    --apply) apply=true; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; fail "unknown argument: $1" ;;
  esac
done
if [ -n "$realm" ]; then
  [[ $realm =~ ^[A-Za-z][A-Za-z0-9._-]{1,31}$ ]] || fail "--realm is not the name of a realm: '$realm'"
  [ ${#origins[@]} -gt 0 ] || fail '--realm needs the address of every node: --origin'
  for origin in "${origins[@]}"; do
    [[ $origin =~ ^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?$ ]] || fail "--origin is not the address of a node: '$origin'"
  done
  for group in ${groups[@]+"${groups[@]}"}; do
    [[ $group =~ ^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$ ]] || fail "--group is not an object id: '$group'"
  done
else
  [ $((${#origins[@]} + ${#groups[@]})) -eq 0 ] || fail '--origin and --group need --realm'
fi
name=${name:-${realm:+Proxmox VE ($realm)}}
name=${name:-Entramox}
if $apply; then
  command -v az >/dev/null || fail '--apply needs the Azure CLI (az)'
  command -v openssl >/dev/null || fail '--apply needs openssl'
  stored='entra-cert-key'
  [ "$kind" = certificate ] || stored='entra-client-secret'
  [ -z "$realm" ] || stored='realm-client-secret'
  # Of an application that somebody may be using: this makes another one, and never takes its place.
  [ ! -e "$folder/credentials/$stored" ] || fail "$folder/credentials/$stored is there already: move it away, or choose another --folder"
  umask 077
  mkdir -p "$folder/credentials"
fi

# Microsoft Graph has this application id in every tenant and cloud.
graph='00000003-0000-0000-c000-000000000000'

# Prints one command, and runs it with --apply. What it answers is on stdout, the command itself on stderr.
step() {
  { printf '%q ' "$@"; printf '\n'; } >&2
  if $apply; then "$@"; fi
}

# The same where the answer is needed later; without --apply the answer is the placeholder.
ask() {
  local placeholder=$1
  shift
  local answer
  answer=$(step "$@")
  if $apply; then
    [ -n "$answer" ] || fail "no answer to: $*"
    printf '%s' "$answer"
  else
    printf '%s' "$placeholder"
  fi
}

say() {
  printf '# %s\n' "$1" >&2
}

# A client secret for one year, straight into a file of its owner alone.
add_secret() {
  local file=$1 label=$2
  say "A client secret for one year, straight into $file."
  local create=(az ad app credential reset --id "$app" --append --years 1 --display-name "$label" --query password --output tsv)
  { printf '%q ' "${create[@]}"; printf '> %q\n' "$file"; } >&2
  if $apply; then
    pending="$file.new"
    trap 'rm -f "$pending"' EXIT
    "${create[@]}" >"$pending"
    [ -s "$pending" ] || fail 'az showed no secret'
    mv "$pending" "$file"
  fi
}

if [ -n "$realm" ]; then
  say 'The application for logging in, for this tenant alone. It may nothing in Graph.'
  claims='{"idToken":[{"name":"upn","additionalProperties":["include_externally_authenticated_upn"]},{"name":"email"}]}'
  app=$(ask APP_ID az ad app create --display-name "$name" --sign-in-audience AzureADMyOrg \
    --web-redirect-uris "${origins[@]}" --optional-claims "$claims" --query appId --output tsv)
  say 'The mark by which "entramox realm registration" knows it for its own.'
  step az ad app update --id "$app" --set "tags=[\"entramox:realm:$realm\"]" --output none
  step az ad sp create --id "$app" --output none
  say 'Nobody logs in who was not assigned.'
  step az ad sp update --id "$app" --set appRoleAssignmentRequired=true --output none
  if [ ${#groups[@]} -gt 0 ]; then
    principal=$(ask PRINCIPAL_ID az ad sp show --id "$app" --query id --output tsv)
    for group in "${groups[@]}"; do
      step az rest --method POST --url "https://graph.microsoft.com/v1.0/servicePrincipals/$principal/appRoleAssignedTo" \
        --headers Content-Type=application/json --output none --body \
        "{\"principalId\":\"$group\",\"resourceId\":\"$principal\",\"appRoleId\":\"00000000-0000-0000-0000-000000000000\"}"
    done
  fi
  file="$folder/credentials/realm-client-secret"
  add_secret "$file" "entramox realm $realm"
  tenant=$(ask TENANT_ID az account show --query tenantId --output tsv)
  say 'For /etc/entramox/entramox.env; then: entramox realm apply --idp entra'
  printf 'ENTRA_TENANT_ID=%s\nREALM=%s\nREALM_CLIENT_ID=%s\nREALM_CLIENT_SECRET_FILE=%s\n' "$tenant" "$realm" "$app" "$file"
  exit 0
fi

say 'The application, for this tenant alone, and its service principal.'
app=$(ask APP_ID az ad app create --display-name "$name" --sign-in-audience AzureADMyOrg --query appId --output tsv)
step az ad sp create --id "$app" --output none

say "Application permissions of Microsoft Graph: ${permissions[*]}. All of them only read."
for permission in "${permissions[@]}"; do
  role=$(ask "ID_OF_$permission" az ad sp show --id "$graph" --query "appRoles[?value=='$permission'].id | [0]" --output tsv)
  step az ad app permission add --id "$app" --api "$graph" --api-permissions "$role=Role" --output none
done

say 'Admin consent. It may take a minute until a new application can be consented to.'
step az ad app permission admin-consent --id "$app"

if [ "$kind" = certificate ]; then
  key="$folder/credentials/entra-cert-key" cert="$folder/entra-cert.pem"
  say 'A certificate for two years. Only its public half is sent to Entra ID.'
  step openssl req -x509 -newkey rsa:3072 -sha256 -days 730 -nodes -subj "/CN=$name" -keyout "$key" -out "$cert"
  step chmod 644 "$cert"
  step az ad app credential reset --id "$app" --append --cert "@$cert" --output none
  credential="ENTRA_CERT_FILE=$cert"
else
  file="$folder/credentials/entra-client-secret"
  add_secret "$file" entramox
  credential="# ENTRA_CLIENT_SECRET: the units get it from $file"
fi

tenant=$(ask TENANT_ID az account show --query tenantId --output tsv)
say 'For /etc/entramox/entramox.env:'
printf 'ENTRA_TENANT_ID=%s\nENTRA_CLIENT_ID=%s\n%s\n' "$tenant" "$app" "$credential"
