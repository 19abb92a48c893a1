# shellcheck shell=bash
# The machine's own Docker Engine: started if none runs, and configured to trust the lab's registry.
# What was changed is remembered under $LAB_CACHE/engine and undone by `down`. Sourced, never run.

LAB_ENGINE=$LAB_CACHE/engine
DAEMON_JSON=/etc/docker/daemon.json
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

engine_trusts_registry() {
    docker info --format '{{json .RegistryConfig.IndexConfigs}}' | grep -qF "\"$LAB_REGISTRY\""
}

# Adds the registry to insecure-registries, whatever else the file has.
engine_configure() {
    local now=$LAB_ENGINE/daemon.json.now
    mkdir -p "$LAB_ENGINE"
    if [ -e "$DAEMON_JSON" ]; then as_root cat "$DAEMON_JSON" > "$now"; else echo '{}' > "$now"; fi
    if jq -e --arg r "$LAB_REGISTRY" '."insecure-registries" // [] | index($r)' "$now" > /dev/null; then
        return
    fi
    if [ -e "$DAEMON_JSON" ]; then
        cp "$now" "$LAB_ENGINE/daemon.json.before"
    else
        rm -f "$LAB_ENGINE/daemon.json.before"
    fi
    jq --arg r "$LAB_REGISTRY" '."insecure-registries" = ((."insecure-registries" // []) + [$r])' "$now" \
        > "$LAB_ENGINE/daemon.json.after" || die "$DAEMON_JSON is not a JSON object"
    as_root mkdir -p "$(dirname "$DAEMON_JSON")"
    as_root cp "$LAB_ENGINE/daemon.json.after" "$DAEMON_JSON"
    say "added $LAB_REGISTRY to insecure-registries in $DAEMON_JSON"
}

engine_reload() {
    local pid
    pid=$(cat /var/run/docker.pid 2> /dev/null || pgrep -x dockerd | head -n 1) || return 0
    as_root kill -HUP "$pid"
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
    engine_configure
    engine_answers || engine_start
    engine_trusts_registry && return
    engine_reload
    wait_for 10 engine_trusts_registry || die "the engine ignores insecure-registries in $DAEMON_JSON"
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

# Restores daemon.json: byte for byte if nobody has changed it since, else by removing our entry.
engine_restore_config() {
    local after=$LAB_ENGINE/daemon.json.after before=$LAB_ENGINE/daemon.json.before now=$LAB_ENGINE/daemon.json.now
    [ -e "$after" ] || return 0
    if [ ! -e "$DAEMON_JSON" ]; then
        :
    elif ! as_root cmp -s "$after" "$DAEMON_JSON"; then
        as_root cat "$DAEMON_JSON" | jq --arg r "$LAB_REGISTRY" '."insecure-registries" -= [$r]
            | if ."insecure-registries" == [] then del(."insecure-registries") else . end' > "$now"
        as_root cp "$now" "$DAEMON_JSON"
    elif [ -e "$before" ]; then
        as_root cp "$before" "$DAEMON_JSON"
    else
        as_root rm -f "$DAEMON_JSON"
    fi
    engine_is_ours || ! engine_answers || engine_reload
    rm -f "$after" "$before" "$now"
}
