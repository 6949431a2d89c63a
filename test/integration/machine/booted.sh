#!/bin/bash
# booted.sh TREE NAME [OPTION...]     (root, systemd-nspawn, Linux 5.11 or later)
# Boots the systemd of TREE on a copy-on-write view of it, with a network, processes and control groups of its own. It
# lives for as long as stdin is open, so nothing is left behind however the process that holds the other end dies.
# OPTIONs go to systemd-nspawn. Says "leader PID", process 1 of the machine as seen from outside; its console goes to
# stderr.
set -u
tree=$1 name=$2
shift 2

# Two machines in one control group would end each other.
groups=()
for base in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
  [ -e "$base/cgroup.procs" ] && mkdir -p "$base/$name" && groups+=("$base/$name")
done

inside='
  set -u
  name=$1 tree=$2
  shift 2
  for group in /sys/fs/cgroup/$name /sys/fs/cgroup/unified/$name /sys/fs/cgroup/systemd/$name; do
    [ -e "$group" ] && echo 0 > "$group/cgroup.procs"
  done
  # The numbers of outside stay readable, for whoever wants to enter.
  mount --rbind /proc /mnt && mount -t proc proc /proc || exit 1
  # Without a network of its own its sshd would listen on the machine that runs the tests.
  SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --directory="$tree" --machine="$name" \
    --register=no --keep-unit --volatile=overlay --private-network --link-journal=no --resolv-conf=off --timezone=off \
    --boot --console=read-only "$@" -- \
    systemd.log_target=journal systemd.show_status=0 systemd.unit=multi-user.target systemd.firstboot=0 \
    systemd.mask=apt-daily.timer systemd.mask=apt-daily-upgrade.timer systemd.mask=dpkg-db-backup.timer \
    systemd.mask=e2scrub_reap.service systemd.mask=console-getty.service </dev/null >&2 &
  children() { cat "/mnt/$1/task/$1/children" 2>/dev/null; }
  read -r own _ < /mnt/self/stat
  for _ in $(seq 200); do
    kill -0 $! 2>/dev/null || exit 1
    for nspawn in $(children "$own"); do
      for child in $(children "$nspawn"); do
        # Its first child only makes the machine.
        [ "$(cat "/mnt/$child/comm" 2>/dev/null)" = systemd ] && leader=$child && break 3
      done
    done
    sleep 0.05
  done
  [ -n "${leader:-}" ] && echo "leader $leader"
  # The end of this process, the first of its namespace, is the end of the whole machine.
  while kill -0 $! 2>/dev/null; do
    read -r -t 1 _
    [ $? -gt 128 ] || break
  done
'
unshare --mount --propagation private --pid --fork --kill-child bash -c "$inside" machine "$name" "$tree" "$@"
status=$?
for group in "${groups[@]}"; do
  for _ in $(seq 50); do
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
    [ -e "$group" ] || break
    sleep 0.1
  done
done
exit "$status"
