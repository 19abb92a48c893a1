# shellcheck shell=bash
# The lab's network and hosts, and the keys that lead to them. Sourced, never run.

# shellcheck disable=SC2054 # the commas are Docker's
LAB_RUN_FLAGS=(
    --security-opt seccomp=unconfined --security-opt systempaths=unconfined
    --device-cgroup-rule 'a *:* rwm' --cgroupns host -v /sys/fs/cgroup:/sys/fs/cgroup:rw
    --tmpfs /run:exec,mode=755,size=256m --stop-timeout 20
)
# All but SYS_RESOURCE, which not every machine may give away (and --privileged asks for it).
for capability in chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable \
    net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_chroot sys_ptrace sys_pacct sys_admin \
    sys_boot sys_nice sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin \
    syslog wake_alarm block_suspend; do
    LAB_RUN_FLAGS+=(--cap-add "$capability")
done
if [ "$(cat /sys/module/apparmor/parameters/enabled 2> /dev/null)" = Y ]; then
    LAB_RUN_FLAGS+=(--security-opt apparmor=unconfined)
fi

container_state() {
    local state
    state=$(docker inspect -f '{{.State.Status}}' "$1" 2> /dev/null) || state=missing
    echo "$state"
}

keys_ready() {
    need_tool ssh-keygen openssh-client
    mkdir -p "$LAB_CACHE/keys" "$LAB_CACHE/hostkeys"
    [ -s "$LAB_KEY" ] || ssh-keygen -q -t ed25519 -N '' -C mrsk-lab -f "$LAB_KEY"
    chmod 600 "$LAB_KEY"
    cat > "$LAB_SSH_CONFIG" << END
Host 172.30.0.*
    User root
    IdentityFile "$LAB_KEY"
    IdentitiesOnly yes
    UserKnownHostsFile "$LAB_KNOWN_HOSTS"
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
END
}

host_keys_ready() { # NAME
    local type dir=$LAB_CACHE/hostkeys/$1
    mkdir -p "$dir"
    for type in ed25519 ecdsa rsa; do
        [ -s "$dir/ssh_host_${type}_key.pub" ] && continue
        rm -f "$dir/ssh_host_${type}_key"
        ssh-keygen -q -t "$type" -N '' -C "root@$1" -f "$dir/ssh_host_${type}_key"
    done
}

# All hosts that ever existed: their keys are ours, nothing is scanned from the network.
known_hosts_ready() {
    local dir ip
    for dir in "$LAB_CACHE"/hostkeys/*/; do
        [ -d "$dir" ] || continue
        ip=$(host_ip_of "$(basename "$dir")")
        cut -d ' ' -f 1,2 "$dir"/ssh_host_*_key.pub | sed "s/^/$ip /"
    done > "$LAB_KNOWN_HOSTS.part"
    mv "$LAB_KNOWN_HOSTS.part" "$LAB_KNOWN_HOSTS"
}

network_ready() {
    docker network inspect "$LAB_NETWORK" > /dev/null 2>&1 && return
    docker network create --subnet "$LAB_SUBNET" --label mrsk-lab=network "$LAB_NETWORK" > /dev/null
}

# Keys, trust and Docker's settings go in as files before the first start.
host_payload() { # NAME
    local dir
    dir=$(mktemp -d "$LAB_CACHE/payload.XXXXXX")
    mkdir -p "$dir/etc/ssh" "$dir/etc/mrsk-lab" "$dir/etc/docker/certs.d/$LAB_REGISTRY"
    cp "$LAB_CACHE/hostkeys/$1"/ssh_host_* "$dir/etc/ssh/"
    chmod 600 "$dir"/etc/ssh/*_key
    cp "$LAB_KEY.pub" "$dir/etc/mrsk-lab/authorized_keys"
    cp "$LAB_AUTHORITY" "$dir/etc/docker/certs.d/$LAB_REGISTRY/ca.crt"
    printf '{\n  "cgroup-parent": "/mrsk-lab/%s"\n}\n' "$1" > "$dir/etc/docker/daemon.json"
    chmod 644 "$dir/etc/mrsk-lab/authorized_keys" "$dir/etc/docker/daemon.json" "$dir"/etc/ssh/*.pub
    (cd "$dir" && find . -type f -print0 | tar --null -T - --owner=0 --group=0 -cf -) | docker cp - "$1:/" > /dev/null
    rm -rf "$dir"
}

host_create() { # NAME
    local image=mrsk-lab/host
    [[ $1 == mrsk-lab-bare-* ]] && image=mrsk-lab/bare
    docker rm -fv "$1" > /dev/null 2>&1 || true
    host_keys_ready "$1"
    docker create --name "$1" --hostname "$1" --label mrsk-lab=host \
        --network "$LAB_NETWORK" --ip "$(host_ip_of "$1")" "${LAB_RUN_FLAGS[@]}" "$image" > /dev/null
    host_payload "$1"
    docker start "$1" > /dev/null
}

# Whether sshd accepts the key, and Docker answers if the host has it.
host_answers() { # NAME
    local command=true
    [[ $1 == mrsk-lab-host-* ]] && command='docker version'
    lab_ssh "$(host_ip_of "$1")" "$command"
}

host_repair() { # NAME
    say "$1 does not answer: repairing it"
    timeout 60 docker exec "$1" /usr/local/sbin/lab-host repair > /dev/null 2>&1 || true
    wait_for 20 host_answers "$1"
}

# Starts a host, whatever its state is; a healthy one is left alone.
host_ready() { # NAME
    local patience=40
    case $(container_state "$1") in
    running) patience=4 ;;
    paused) docker unpause "$1" > /dev/null ;;
    exited) docker start "$1" > /dev/null || host_create "$1" ;;
    *) host_create "$1" ;;
    esac
    if [ "$(docker inspect -f "{{with index .NetworkSettings.Networks \"$LAB_NETWORK\"}}{{.IPAddress}}{{end}}" "$1")" != "$(host_ip_of "$1")" ]; then
        docker network disconnect -f "$LAB_NETWORK" "$1" > /dev/null 2>&1 || true
        docker network connect --ip "$(host_ip_of "$1")" "$LAB_NETWORK" "$1"
    fi
    wait_for "$patience" host_answers "$1" && return
    host_repair "$1" && return
    say "$1 is beyond repair: making it anew"
    host_create "$1"
    wait_for 60 host_answers "$1" || {
        docker logs --tail 20 "$1" >&2
        die "$1 does not start"
    }
}

all_hosts_ready() { # NAME...
    local name pids=() failed=0
    for name in "$@"; do
        host_ready "$name" &
        pids+=($!)
    done
    for name in "${pids[@]}"; do
        wait "$name" || failed=1
    done
    return "$failed"
}
