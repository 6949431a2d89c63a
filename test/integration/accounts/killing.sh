# The inside half of killing.ts, in the private root. Everything of it lies in /run/kills.
tools='groupadd useradd chpasswd chage usermod userdel groupdel gpasswd'
account_files='passwd shadow group gshadow subuid subgid'

# Puts a wrapper in the place of every tool that changes the account files.
install() {
  for tool in $tools; do
    place=$(readlink -f "$(command -v "$tool")")
    mv "$place" "$place.real"
    cp /opt/kills/wrapper.sh "$place"
    chmod 0755 "$place"
  done
  plan nobody
}

# Tells the wrappers what to do in the next request: `rehearsal 0 CALLS`, or `kill RUN CALLS N tool|agent`.
plan() {
  cd /run/kills && rm -f trace.* agent-trace
  echo 0 > runs
  echo "$*" > plan
}

# Everything that a request may change, so that it can be put back in a few milliseconds.
save() {
  rm -rf "/run/kills/$1" && mkdir -p "/run/kills/$1/etc"
  for file in $account_files; do cp -a "/etc/$file" "/run/kills/$1/etc/"; done
  cp -a /etc/sudoers.d "/run/kills/$1/etc/"
  ls -A /etc > "/run/kills/$1/names"
  cp -a /home "/run/kills/$1/home"
  cp -a /var/lib/entramox-accounts "/run/kills/$1/state"
}

restore() {
  ls -A /etc | grep -vxFf "/run/kills/$1/names" | while read -r litter; do rm -rf "/etc/$litter"; done
  rm -rf /etc/sudoers.d /var/lib/entramox-accounts /run/entramox-accounts.unwritten
  find /home -mindepth 1 -delete
  cp -a "/run/kills/$1/etc/." /etc/
  cp -a "/run/kills/$1/home/." /home/
  cp -a "/run/kills/$1/state" /var/lib/entramox-accounts
  shift
  plan "$@"
}

# What the tools and the agent called in a rehearsal, a line each: the run of a tool or `agent`, and the call.
calls() {
  cd /run/kills
  while pgrep -x strace > /dev/null; do sleep 0.01; done
  for trace in $(ls | grep -x 'trace\.[0-9]*' | sort -t. -k2n); do
    sed -nE "s/^([a-z0-9]+)\(.*/${trace#trace.} \1/p" "$trace"
  done
  sed -nE 's/^([a-z0-9]+)\(.*/agent \1/p' agent-trace
}

# The whole state in words that are the same for every run: no hashes, no times of today.
show() {
  cd /etc && ls -A | grep -v -- '-$' && ls -A sudoers.d && cat sudoers.d/entramox-* 2>/dev/null
  for file in $account_files; do
    sort "$file" | sed -E "s|^|$file |; s|:(!?)\\\$[^:]+:|:\\1HASH:|; s|:$(($(date +%s) / 86400)):|:TODAY:|"
  done
  stat -c '%n %a %u %g' $account_files
  find /home -printf '%p %y %m %U %G\n' | sort
  cd /var/lib/entramox-accounts
  find . -printf '%p %y %m %U\n' | grep -v '/\(lock\|last-tool\|accounts.json.prev\) ' | sed -E 's/[0-9]{8}T[0-9]{6}Z/TIME/' | sort
  for archive in archive/*.tar; do [ -e "$archive" ] && tar -tf "$archive" | sort; done
  sed -E 's/"(since|uptimeMs)":[0-9.]+/"\1":0/g; s/"bootId":"[^"]*"/"bootId":""/g; s/[0-9]{8}T[0-9]{6}Z/TIME/g' accounts.json |
    sed -E ':again; s/("(locks|deletes)":\[[^]]*)[0-9]{6,}/\1N/; t again'
  ls /run/entramox-accounts.unwritten 2>/dev/null
  pwck -r -q; echo "pwck $?"
  grpck -r -q; echo "grpck $?"
}

set -u
mkdir -p /run/kills
"$@" 2>&1
