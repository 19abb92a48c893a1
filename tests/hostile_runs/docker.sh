#!/bin/sh
# Stands in for docker on a host: an engine without containers, which writes down what changes it.
case "$1 $2" in
'network ls') echo 'network "bridge"' ;;
'info --format') printf '/\n["20.10.24",["name=seccomp"]]\n' ;;
'context inspect') echo 'endpoint "unix:///var/run/docker.sock"' ;;
'inspect --type') echo 'running 1 0 - bridge 127.0.0.1' ;;
'create '* | 'start '*) echo "$1" >>"$ROOT/changes" ;;
esac
[ "$1" = start ] && [ -e "$ROOT/slow" ] && sleep 7
exit 0
