# shellcheck shell=bash
# The machine's own Docker Engine: started if none runs, and told to trust the lab's registry.
# `down` undoes both. Sourced, never run.

LAB_ENGINE=$LAB_CACHE/engine
LAB_TRUST=/etc/docker/certs.d/$LAB_REGISTRY
CONTAINERD_PID=/var/run/docker/containerd/containerd.pid

engine_answers() {
    timeout 20 docker version > /dev/null 2>&1
}

# Whether the process of that number lives (a zombie has no exe) and is the expected one.
process_runs() { # NAME PIDFILE
    local pid
    pid=$(as_root cat "$2" 2> /dev/null) || return 1
    [ "$(cat "/proc/$pid/comm" 2> /dev/null)" = "$1" ] && as_root readlink "/proc/$pid/exe" > /dev/null
}

# Engines read this directory for each request, and so need no restart.
engine_trusts_registry() {
    as_root mkdir -p "$LAB_TRUST"
    as_root cp "$LAB_AUTHORITY" "$LAB_TRUST/ca.crt"
    as_root chmod 644 "$LAB_TRUST/ca.crt"
}

engine_distrusts_registry() {
    as_root rm -rf "$LAB_TRUST"
}

engine_start() {
    [ -x "$(command -v dockerd)" ] || apt_install docker.io
    engine_answers && return
    command -v dockerd > /dev/null || die 'dockerd is not installed'
    # Left behind by an engine that was killed, these would keep the next one from starting.
    process_runs dockerd /var/run/docker.pid || as_root rm -f /var/run/docker.pid
    process_runs containerd "$CONTAINERD_PID" || as_root rm -f "$CONTAINERD_PID"
    say 'starting dockerd'
    # It holds nothing of ours open: neither the lock nor the caller's output.
    as_root setsid --fork dockerd > "$LAB_ENGINE/dockerd.log" 2>&1 < /dev/null 9>&-
    export LAB_ENGINE_STARTED=1
    wait_for 60 engine_answers || {
        tail -n 20 "$LAB_ENGINE/dockerd.log" >&2
        die 'dockerd does not start'
    }
    cat /var/run/docker.pid > "$LAB_ENGINE/dockerd.pid"
}

engine_ready() {
    mkdir -p "$LAB_ENGINE"
    engine_trusts_registry
    engine_answers || engine_start
}

# The dockerd that `up` started, and no other.
engine_is_ours() {
    process_runs dockerd "$LAB_ENGINE/dockerd.pid"
}

engine_is_gone() {
    ! engine_is_ours
}

engine_stop() {
    if engine_is_ours; then
        say 'stopping dockerd'
        as_root kill "$(cat "$LAB_ENGINE/dockerd.pid")"
        wait_for 60 engine_is_gone || say 'dockerd does not end'
    fi
    rm -f "$LAB_ENGINE/dockerd.pid"
}
