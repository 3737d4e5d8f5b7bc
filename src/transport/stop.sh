# stop a command that nobody waits for any more; $1 is the leader of its process group
group=-$1
# No such group: it has ended by itself, or the host gave it none of its own.
kill -s TERM -- "$group" 2>/dev/null || kill -s TERM "$1" 2>/dev/null || exit 0
tries=0
while [ "$tries" -lt 30 ]; do
    kill -s 0 -- "$group" 2>/dev/null || exit 0
    sleep 0.1 2>/dev/null || sleep 1
    tries=$((tries + 1))
done
kill -s KILL -- "$group" 2>/dev/null || exit 0
