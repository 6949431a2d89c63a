#!/usr/bin/env bash
# Makes an event hub for the change notifications of Microsoft Graph, with the Azure CLI: namespace, hub, a consumer group
# for this host, and the two roles: Graph may send, our app registration may read. No key is made.
# Prints the commands; with --apply it runs them (first: az login, as Owner or User Access Administrator of the group).
set -euo pipefail

usage() {
  cat <<'END'
Usage: event-hub.sh --resource-group GROUP --namespace NAME --client-id ID --domain DOMAIN [options]

  --resource-group GROUP   an existing resource group
  --namespace NAME         name of the namespace, unique in the whole cloud
  --client-id ID           application (client) id of the app registration of Entramox
  --domain DOMAIN          domain of the tenant that owns the Azure subscription, such as example.com
  --location PLACE         where the namespace is (default: that of the resource group)
  --hub NAME               the hub (changes)
  --consumer-group NAME    one for each host (entramox)
  --partitions N           partitions of the hub (2)
  --retention HOURS        how long events are kept, so how long we may be away (168)
  --cloud CLOUD            global, usgov, dod or china (global)
  --apply                  run the commands instead of printing them
END
}

fail() {
  printf 'event-hub.sh: %s\n' "$1" >&2
  exit 2
}

group='' namespace='' client='' domain='' location='' hub='changes' consumers='entramox' partitions=2 retention=168
cloud='global' apply=false
while [ $# -gt 0 ]; do
  case "$1" in
    --resource-group | --namespace | --client-id | --domain | --location | --hub | --consumer-group | --partitions | --retention | --cloud)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case "$1" in
        --resource-group) group=$2 ;;
        --namespace) namespace=$2 ;;
        --client-id) client=$2 ;;
        --domain) domain=$2 ;;
        --location) location=$2 ;;
        --hub) hub=$2 ;;
        --consumer-group) consumers=$2 ;;
        --partitions) partitions=$2 ;;
        --retention) retention=$2 ;;
        --cloud) cloud=$2 ;;
      esac
      shift 2
      ;;
    --apply) apply=true; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; fail "unknown argument: $1" ;;
  esac
done
for needed in group:--resource-group namespace:--namespace client:--client-id domain:--domain; do
  variable=${needed%%:*}
  [ -n "${!variable}" ] || { usage >&2; fail "${needed#*:} is needed"; }
done
case "$cloud" in
  global) suffix='servicebus.windows.net' ;;
  usgov | dod) suffix='servicebus.usgovcloudapi.net' ;;
  china) suffix='servicebus.chinacloudapi.cn' ;;
  *) fail "unknown cloud: $cloud" ;;
esac
if $apply; then
  command -v az >/dev/null || fail '--apply needs the Azure CLI (az)'
fi

# "Microsoft Graph Change Tracking", by which Graph sends, has this application id in every tenant.
sender='0bf30f3b-4a52-48df-9a82-234910c4a086'

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

say 'The namespace. Standard keeps events for up to seven days and allows consumer groups; Basic does neither.'
create=(az eventhubs namespace create --resource-group "$group" --name "$namespace" --sku Standard
  --minimum-tls-version 1.2 --disable-local-auth true --output none)
[ -z "$location" ] || create+=(--location "$location")
step "${create[@]}"

say 'The hub, and a consumer group of this host.'
scope=$(ask HUB_ID az eventhubs eventhub create --resource-group "$group" --namespace-name "$namespace" --name "$hub" \
  --partition-count "$partitions" --cleanup-policy Delete --retention-time "$retention" --query id --output tsv)
step az eventhubs eventhub consumer-group create --resource-group "$group" --namespace-name "$namespace" \
  --eventhub-name "$hub" --name "$consumers" --output none

say 'Graph may send to this hub. Its service principal is there as soon as anybody in the tenant made a subscription;'
say 'where the command says that it does not exist: az ad sp create --id '"$sender"
step az role assignment create --assignee "$sender" --role 'Azure Event Hubs Data Sender' --scope "$scope" --output none

say 'Entramox may read it. A new role may take some minutes to count.'
step az role assignment create --assignee "$client" --role 'Azure Event Hubs Data Receiver' --scope "$scope" --output none

say 'For /etc/entramox/entramox.env:'
printf 'CHANGE_SOURCE=eventhub\nEVENTHUB_NAMESPACE=%s.%s\nEVENTHUB_NAME=%s\nEVENTHUB_CONSUMER_GROUP=%s\nEVENTHUB_TENANT_DOMAIN=%s\n' \
  "$namespace" "$suffix" "$hub" "$consumers" "$domain"
