# shellcheck shell=bash
# What all commands of the lab share: paths, messages, requirements. Sourced, never run.

LAB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_CHECKOUT=$(cd "$LAB_DIR/../.." && pwd)
# Of this checkout: lab.env. Of the user, so that every checkout sees the same lab: everything else.
LAB_STATE=${MRSK_LAB_DIR:-$LAB_CHECKOUT/target/lab}
LAB_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/mrsk-lab

LAB_NETWORK=mrsk-lab
LAB_SUBNET=172.30.0.0/24
LAB_REGISTRY_NAME=mrsk-lab-registry
LAB_REGISTRY_IP=172.30.0.2
LAB_REGISTRY=$LAB_REGISTRY_IP:5000
LAB_REGISTRY_USER=lab
LAB_AUTHORITY=$LAB_CACHE/registry/ca.crt
LAB_BASE_IMAGE=mrsk-lab/base
LAB_BUILDX=$LAB_CACHE/docker-buildx
LAB_TRAEFIK_IMAGE=$LAB_REGISTRY/traefik:v3
LAB_MAX_HOSTS=10
LAB_MAX_BARE=5
LAB_KEY=$LAB_CACHE/keys/id_ed25519
LAB_KNOWN_HOSTS=$LAB_CACHE/known_hosts
LAB_SSH_CONFIG=$LAB_CACHE/ssh_config
export LAB_STATE LAB_NETWORK LAB_SUBNET LAB_REGISTRY_NAME LAB_REGISTRY_USER LAB_AUTHORITY LAB_BASE_IMAGE LAB_TRAEFIK_IMAGE \
    LAB_MAX_HOSTS LAB_MAX_BARE LAB_KEY LAB_KNOWN_HOSTS LAB_SSH_CONFIG

say() { printf 'lab: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# Ends a process and its descendants.
end_tree() { # PID...
    local pid children
    for pid in "$@"; do
        children=$(pgrep -P "$pid" || true)
        as_root kill "$pid" 2> /dev/null || true
        # shellcheck disable=SC2086 # a list of numbers
        end_tree $children
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Runs a verbose command; its output is shown only if it fails. It runs in the background, so that a
# signal to this shell takes effect at once.
quietly() { # NAME COMMAND...
    local log=$LAB_CACHE/log/$1.log
    shift
    mkdir -p "$LAB_CACHE/log"
    "$@" > "$log" 2>&1 <&0 &
    if ! wait $!; then
        tail -n 25 "$log" >&2
        say "failed: $*"
        return 1
    fi
}

# One `up` or `down` at a time, whatever checkout it comes from. The lock goes with this process; what it
# starts for longer than itself must close descriptor 9.
lock_lab() {
    mkdir -p "$LAB_CACHE"
    chmod 700 "$LAB_CACHE"
    exec 9> "$LAB_CACHE/lock"
    flock -n 9 && return
    say 'another up or down is at work, waiting'
    flock -w 900 9 || die 'another up or down holds the lock of the lab'
}

apt_install() { # PACKAGE...
    command -v apt-get > /dev/null || die "missing: $*; please install"
    if [ -z "${LAB_APT_UPDATED:-}" ]; then
        quietly apt-update as_root apt-get update
        LAB_APT_UPDATED=1
    fi
    say "installing $*"
    quietly apt-install as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "$@"
}

need_tool() { # COMMAND PACKAGE
    command -v "$1" > /dev/null || apt_install "$2"
}

valid_count() { # NUMBER LARGEST
    [[ $1 =~ ^[0-9]{1,2}$ ]] && ((10#$1 <= $2))
}

host_name_of() { # NAME | short name | IP  ->  the container's name
    local number
    case $1 in
    mrsk-lab-host-* | mrsk-lab-bare-*) echo "$1" ;;
    host-* | bare-*) echo "mrsk-lab-$1" ;;
    172.30.0.*)
        number=${1##*.}
        if ((number >= 11 && number <= 10 + LAB_MAX_HOSTS)); then
            echo "mrsk-lab-host-$((number - 10))"
        elif ((number >= 51 && number <= 50 + LAB_MAX_BARE)); then
            echo "mrsk-lab-bare-$((number - 50))"
        else
            die "no host has the address $1"
        fi
        ;;
    *) die "unknown host $1" ;;
    esac
}

host_ip_of() { # container's name -> its address
    local number=${1##*-}
    if ! valid_count "$number" 10 || ((number < 1)); then
        die "unknown host $1"
    fi
    case $1 in
    mrsk-lab-host-*) echo "172.30.0.$((10 + number))" ;;
    mrsk-lab-bare-*) echo "172.30.0.$((50 + number))" ;;
    esac
}

lab_ssh() { # IP COMMAND...
    ssh -F "$LAB_SSH_CONFIG" -o BatchMode=yes -o ConnectTimeout=3 "$@" < /dev/null
}

# Waits until a command succeeds.
wait_for() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        ((SECONDS < end)) || return 1
        sleep 0.2
    done
}
