#!/bin/sh
# Stands in for docker on the host: writes down what it is given, and answers as an engine without containers.
say_all() {
    for name in $SENTINELS; do
        eval "printf '%s\n' \"\$$name\""
        eval "printf '%s' \"\$$name\"" | base64
        eval "printf '%s' \"\$$name\"" | base64 | tr -d '\n'
        echo
    done
}
SENTINELS=$(cat "$ROOT/names")
case "$1 $2" in
'ps -a') ;;
'network ls') echo 'network "bridge"' ;;
'image ls') ;;
'info --format') printf '/\n["20.10.24",["name=seccomp"]]\n' ;;
'context inspect') echo 'endpoint "unix:///var/run/docker.sock"' ;;
'inspect --type') echo 'running 1 0 - bridge 127.0.0.1' ;;
'login '*)
    mkdir -p "$ROOT/delivered"
    cat >"$ROOT/delivered/login"
    ;;
'create '*)
    # What the runner has in its temporary directory meanwhile.
    cp -R "$RUNNER_TMP" "$ROOT/snapshot" 2>/dev/null
    mkdir -p "$ROOT/delivered"
    for name in $SENTINELS; do
        eval "printf '%s' \"\$$name\"" >"$ROOT/delivered/$name"
    done
    [ ! -e "$ROOT/broken" ] || { say_all; say_all >&2; exit 1; }
    ;;
'logs '* | 'container logs') say_all ;;
esac
exit 0
