#!/bin/sh
# Stands in for docker on a host. Answers are files below $ROOT/docker, by the words of the command: `ps`, `logs`. What is run is written down.
printf '%s\n' "$*" >>"$ROOT/ran"
case "$1 $2" in
'network ls') echo 'network "bridge"'; echo 'network "mrsk"'; exit ;;
'info --format') printf '/\n["28.0.0",["name=seccomp"]]\n'; exit ;;
'context inspect') echo 'endpoint "unix:///var/run/docker.sock"'; exit ;;
esac
[ -x "$ROOT/docker/$1" ] && exec "$ROOT/docker/$1" "$@"
[ -e "$ROOT/docker/$1" ] && cat "$ROOT/docker/$1"
exit 0
