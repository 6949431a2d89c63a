#!/usr/bin/env bash
# What Proxmox VE needs once, before Entramox can keep its users: PVE groups with their roles, and an API token with
# the least rights that do the work. Prints the commands; with --apply it runs them, as root on one node of the cluster.
#
# The token may change users of the managed groups alone. User.Modify on all of /access/groups would be as good as
# root: its holder could make itself a token of root@pam.
set -euo pipefail

usage() {
  cat <<'END'
Usage: proxmox-setup.sh --realm REALM [--grant ROLE[,PATH[,GROUP]]]... [options]

  --realm REALM    the OpenID realm, as REALM in entramox.env
  --grant ...      a Proxmox role that an Entra group is mapped to; PATH is where it holds (/ where left out), GROUP the
                   pve_group of the mapping where it has one. Repeat for each role of ENTRA_ROLE_MAP,
                   ENTRA_SUPERADMIN_PVE_ROLE and ENTRA_ALLUSERS_PVE_ROLE.
  --user USER      owner of the token (entramox@pve); it has no password
  --token ID       name of the token (sync)
  --out FILE       where --apply writes the token (/etc/entramox/credentials/pve-api-token)
  --apply          run the commands instead of printing them

Example: proxmox-setup.sh --realm entra --grant Administrator --grant PVEVMUser,/pool/lab
END
}

fail() {
  printf 'proxmox-setup.sh: %s\n' "$1" >&2
  exit 2
}

realm='' user='entramox@pve' token='sync' out='/etc/entramox/credentials/pve-api-token' apply=false
grants=()
while [ $# -gt 0 ]; do
  case "$1" in
    --realm | --grant | --user | --token | --out)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case "$1" in
        --realm) realm=$2 ;;
        --grant) grants+=("$2") ;;
        --user) user=$2 ;;
        --token) token=$2 ;;
        --out) out=$2 ;;
      esac
      shift 2
      ;;
    --apply) apply=true; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; fail "unknown argument: $1" ;;
  esac
done

[[ $realm =~ ^[A-Za-z][A-Za-z0-9._-]{1,31}$ ]] || fail "--realm is missing or not the name of a realm: '$realm'"
[[ $user =~ ^[A-Za-z0-9._-]+@[A-Za-z][A-Za-z0-9._-]+$ ]] || fail "--user is not user@realm: '$user'"
[[ $token =~ ^[A-Za-z][A-Za-z0-9._-]+$ ]] || fail "--token is not a token id: '$token'"
if $apply; then
  [ "$(id -u)" -eq 0 ] || fail '--apply needs root'
  command -v pveum >/dev/null || fail '--apply needs pveum: run it on a Proxmox VE node'
fi

# Runs or prints one command.
step() {
  printf '%q ' "$@"
  printf '\n'
  if $apply; then "$@" >/dev/null; fi
}

# Whether the JSON on stdin has this field with this value.
mentions() {
  grep -Fq -e "\"$1\":\"$2\"" -e "\"$1\" : \"$2\""
}

# step, unless `pveum KIND list` shows NAME already. Nothing that is there is changed.
unless_listed() {
  local kind=$1 field=$2 name=$3
  shift 3
  if $apply && pveum "$kind" list --output-format json | mentions "$field" "$name"; then
    printf '# %s %s is there already\n' "$kind" "$name"
  else
    step "$@"
  fi
}

base="entramox-$realm"
managed=("$base")
declare -A role_of=() path_of=()
for grant in ${grants[@]+"${grants[@]}"}; do
  IFS=, read -r role path group rest <<<"$grant"
  path=${path:-/}
  [[ $role =~ ^[A-Za-z0-9._-]+$ ]] || fail "not a role: '$role' in --grant $grant"
  [[ $path =~ ^/[A-Za-z0-9._/-]*$ ]] || fail "not a path: '$path' in --grant $grant"
  [ -z "${rest:-}" ] || fail "too many parts in --grant $grant"
  place=$(tr -s / . <<<"$path")
  place=${place#.}
  place=${place%.}
  name="${group:-$role${place:+.$place}}-$realm"
  [[ $name =~ ^[A-Za-z0-9._-]+$ ]] || fail "not the name of a group: '$name' in --grant $grant"
  managed+=("$name")
  role_of[$name]=$role
  path_of[$name]=$path
done

echo '# Groups: everybody whom Entramox manages is in the first; the others carry one role each.'
for name in "${managed[@]}"; do
  unless_listed group groupid "$name" pveum group add "$name" --comment 'managed by Entramox'
done

echo '# What the roles of the groups hold.'
for name in "${managed[@]:1}"; do
  step pveum acl modify "${path_of[$name]}" --groups "$name" --roles "${role_of[$name]}"
done

echo '# The owner of the token, without a password, and three roles of one privilege each.'
unless_listed user userid "$user" pveum user add "$user" --comment 'Entramox reconciler'
unless_listed role roleid Entramox-Sys.Audit pveum role add Entramox-Sys.Audit --privs Sys.Audit
unless_listed role roleid Entramox-User.Modify pveum role add Entramox-User.Modify --privs User.Modify
unless_listed role roleid Entramox-Realm.AllocateUser pveum role add Entramox-Realm.AllocateUser --privs Realm.AllocateUser

echo '# See all users and groups; change users of the managed groups; make users of this realm. Nothing else.'
step pveum acl modify /access/groups --users "$user" --roles Entramox-Sys.Audit
for name in "${managed[@]}"; do
  step pveum acl modify "/access/groups/$name" --users "$user" --roles Entramox-User.Modify --propagate 0
done
step pveum acl modify "/access/realm/$realm" --users "$user" --roles Entramox-Realm.AllocateUser --propagate 0

echo '# The token has the rights of its owner, who has no others. Its secret is shown once, so it goes to a file.'
create=(pveum user token add "$user" "$token" --privsep 0 --comment Entramox --output-format json)
if ! $apply; then
  printf '%q ' "${create[@]}"
  printf "\n# Write %s!%s=<value> to %s (root, 0600).\n" "$user" "$token" "$out"
  exit 0
fi

if pveum user token list "$user" --output-format json | mentions tokenid "$token"; then
  echo "# The token $user!$token is there already and is left as it is. Its secret cannot be read again; to have a new"
  echo "# one, remove it (pveum user token remove $user $token) and run this again."
  exit 0
fi
umask 077
mkdir -p "$(dirname "$out")"
trap 'rm -f "$out.new"' EXIT
: >"$out.new" # a file that cannot be written must be known before the only copy of the secret exists
secret=$("${create[@]}" | sed -n 's/.*"value" *: *"\([^"]*\)".*/\1/p')
[ -n "$secret" ] || fail "pveum did not show the secret of $user!$token; remove the token and try again"
printf '%s!%s=%s\n' "$user" "$token" "$secret" >"$out.new"
sync "$out.new"
mv "$out.new" "$out"
echo "# The token is in $out. Check it with: entramox doctor"
