#!/bin/bash
# private-root.sh DIRECTORY [BIND...]     (root, Linux 5.11 or later)
# A copy-on-write view of this machine in mount, pid, network, ipc and uts namespaces of its own. It lives for as
# long as stdin is open, so nothing is left behind however the process that holds the other end dies. Each BIND, a
# directory, is shown read-only at its own path. Says "ready PID"; PID is the keeper as seen from outside.
set -u
directory=$1
mkdir -p "$directory" || exit 1

inside='
  set -eu
  directory=$1; shift
  # /proc is still the one of the machine here, and the numbers in it are those of outside.
  read -r keeper _ < /proc/self/stat
  # The upper layer is memory: nothing that happens inside ever reaches the disk.
  mount -t tmpfs -o size=512m,mode=755 sandbox "$directory"
  cd "$directory"
  mkdir upper work root
  mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root
  cd root
  mount -t proc proc proc
  mount -t tmpfs -o mode=755 run run
  mount -t tmpfs -o mode=1777 tmp tmp
  mount -t tmpfs -o mode=755 dev dev
  for device in null zero full random urandom tty; do
    : > "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
  done
  mkdir dev/pts dev/shm
  mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts dev/pts
  mount -t tmpfs -o mode=1777 shm dev/shm
  ln -s pts/ptmx dev/ptmx
  ln -s /proc/self/fd dev/fd
  for bind in "$@"; do
    mkdir -p "./$bind"
    mount --bind "$bind" "./$bind"
    mount -o remount,bind,ro "./$bind"
  done
  hostname sandbox
  rm -f etc/hosts etc/*.lock etc/sudoers.d/entramox-*
  printf "127.0.0.1 localhost sandbox\n" > etc/hosts
  if command -v ip >/dev/null; then ip link set lo up; fi
  # Process 1 of the sandbox: reaps orphans, and ends with its stdin, which ends everything inside.
  exec chroot . /bin/bash -c "echo ready $keeper; while read -r _; do :; done"
'
unshare --mount --propagation private --pid --fork --kill-child --net --ipc --uts \
  bash -c "$inside" private-root "$@"
status=$?
rmdir "$directory"
exit "$status"
