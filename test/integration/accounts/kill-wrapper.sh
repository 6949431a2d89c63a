#!/bin/sh
# Stands in the place of a tool. In a rehearsal it writes down what the tool calls; when it is this run's turn the tool
# dies right before the N-th call of a kind; else it is the tool. Either way the tool is the agent's own child.
cd /run/kills || exit 99
read -r mode turn calls at victim < plan
run=$(($(cat runs) + 1))
echo "$run" > runs
quiet="-D -qq -e signal=none"
if [ "$mode" = rehearsal ]; then
  # shellcheck disable=SC2086
  exec strace $quiet -o "trace.$run" -e "trace=$calls" "$0.real" "$@"
fi
[ "$run" = "$turn" ] || exec "$0.real" "$@"
# The agent is stopped, so that it sees nothing of the death of the tool before its own; it has said all by then.
cat > input
if [ "$victim" = agent ]; then
  kill -STOP "$PPID"
  (
    while grep -q '^State:.[^Z]' "/proc/$$/status"; do sleep 0.002; done
    kill -KILL "$PPID"
  ) < /dev/null > /dev/null 2>&1 &
fi
# shellcheck disable=SC2086
exec strace $quiet -o /dev/null -e "trace=$calls" -e "inject=$calls:signal=SIGKILL:when=$at" "$0.real" "$@" < input
