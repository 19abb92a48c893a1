# What a host does in a floor: the functions that the scripts of `floors` call. Nothing is locked, looked at again, claimed or noted.
# Kept as it is when mrsk's own scripts change, so that the measure stays. Runs in any POSIX sh.
# shellcheck shell=sh

# GETs a path of an address, and prints headers and status.
get() { # ADDRESS:PORT PATH HOST
    curl -sSg --noproxy '*' --max-time 5 -D - -o /dev/null -w '%{http_code}' -H "Host: $3" -H 'Connection: close' "http://$1$2" 2>&1
}

address_of() { # CONTAINER
    docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$1" | cut -d ' ' -f 1
}

# Polls a container until it answers twice, 50 ms apart.
healthy() { # CONTAINER PORT PATH
    address=$(address_of "$1")
    tries=600
    until case $(get "$address:$2" "$3" localhost) in *200) ;; *) false ;; esac; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.05
    done
    sleep 0.05
    case $(get "$address:$2" "$3" localhost) in *200) ;; *) return 1 ;; esac
}

# Polls Traefik until the container answers through it.
routed() { # TRAEFIK PORT PATH HOST CONTAINER
    address=$(address_of "$1")
    tries=200
    until get "$address:$2" "$3" "$4" | grep -qi "^X-Mrsk-Container: $5"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}

# Asks Traefik as users do.
reach() { # TRAEFIK PORT PATH HOST
    get "$(address_of "$1"):$2" "$3" "$4" > /dev/null
}

# Waits until a container has no request in flight.
idle() { # CONTAINER PORT
    pid=$(docker inspect --format '{{.State.Pid}}' "$1")
    port=$(printf %04X "$2")
    tries=300
    while [ "$(cat "/proc/$pid/net/tcp" "/proc/$pid/net/tcp6" | grep -c ": [0-9A-F]*:$port [0-9A-F]*:[0-9A-F]* 01 ")" != 0 ]; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 0
        sleep 0.1
    done
}

# Puts its standard input in the place of a file.
put() { # FILE MODE
    cat > "${1%/*}/../new" && chmod "$2" "${1%/*}/../new" && mv "${1%/*}/../new" "$1"
}

# Fails unless an image is the planned one.
verify() { # REFERENCE DIGEST
    docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1" | grep -q "@$2\$"
}
