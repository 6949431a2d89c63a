#!/usr/bin/env bash
# Registers Entramox in Microsoft Entra ID, with the Azure CLI: an application of this tenant alone, read-only
# permissions, and a certificate whose private key never leaves this machine.
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
  --apply          run the commands instead of printing them
END
}

fail() {
  printf 'app-registration.sh: %s\n' "$1" >&2
  exit 2
}

name='Entramox' folder='/etc/entramox' kind='certificate' apply=false
permissions=(GroupMember.Read.All User.Read.All)
while [ $# -gt 0 ]; do
  case "$1" in
    --name | --folder)
      [ $# -ge 2 ] || fail "$1 needs a value"
      if [ "$1" = --name ]; then name=$2; else folder=$2; fi
      shift 2
      ;;
    --secret) kind='secret'; shift ;;
    --hidden) permissions+=(Member.Read.Hidden); shift ;;
    --group-read) permissions+=(Group.Read.All); shift ;;
    --apply) apply=true; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; fail "unknown argument: $1" ;;
  esac
done
if $apply; then
  command -v az >/dev/null || fail '--apply needs the Azure CLI (az)'
  command -v openssl >/dev/null || fail '--apply needs openssl'
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
  say "A client secret for one year, straight into $file."
  create=(az ad app credential reset --id "$app" --append --years 1 --query password --output tsv)
  { printf '%q ' "${create[@]}"; printf '> %q\n' "$file"; } >&2
  if $apply; then "${create[@]}" >"$file"; fi
  credential="# ENTRA_CLIENT_SECRET: the units get it from $file"
fi

tenant=$(ask TENANT_ID az account show --query tenantId --output tsv)
say 'For /etc/entramox/entramox.env:'
printf 'ENTRA_TENANT_ID=%s\nENTRA_CLIENT_ID=%s\n%s\n' "$tenant" "$app" "$credential"
