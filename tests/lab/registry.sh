# shellcheck shell=bash
# The lab's registry: its certificate authority, its password, its content. Sourced, never run.

LAB_PASSWORD_FILE=$LAB_CACHE/registry/password

# An authority for the lab alone. Engines trust it for the lab's registry, and for nothing else.
authority_ready() {
    local dir=$LAB_CACHE/registry
    mkdir -p "$dir"
    [ -s "$LAB_AUTHORITY" ] && openssl x509 -in "$LAB_AUTHORITY" -noout -checkend 604800 > /dev/null && return
    need_tool openssl openssl
    rm -f "$dir"/registry.* "$LAB_AUTHORITY"
    quietly authority openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
        -subj '/CN=mrsk lab' -keyout "$dir/authority.key" -out "$LAB_AUTHORITY.part"
    quietly certificate openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -subj "/CN=$LAB_REGISTRY_IP" -keyout "$dir/registry.key" -out "$dir/registry.csr"
    echo "subjectAltName=IP:$LAB_REGISTRY_IP" > "$dir/registry.ext"
    quietly signature openssl x509 -req -in "$dir/registry.csr" -CA "$LAB_AUTHORITY.part" -CAkey "$dir/authority.key" \
        -CAcreateserial -days 3650 -extfile "$dir/registry.ext" -out "$dir/registry.crt"
    # Nothing else is ever signed.
    rm -f "$dir/authority.key" "$dir/registry.csr" "$dir/registry.ext" "$dir"/*.srl
    mv "$LAB_AUTHORITY.part" "$LAB_AUTHORITY"
}

password_ready() {
    local password dir=$LAB_CACHE/registry
    if [ ! -s "$LAB_PASSWORD_FILE" ]; then
        od -An -N 16 -tx1 /dev/urandom | tr -d ' \n' > "$LAB_PASSWORD_FILE.part"
        mv "$LAB_PASSWORD_FILE.part" "$LAB_PASSWORD_FILE"
        rm -f "$dir/htpasswd"
    fi
    password=$(cat "$LAB_PASSWORD_FILE")
    echo "machine $LAB_REGISTRY_IP login $LAB_REGISTRY_USER password $password" > "$dir/netrc"
    [ -s "$dir/htpasswd" ] && return
    docker run --rm -i --network none --entrypoint htpasswd mrsk-lab/registry -niB "$LAB_REGISTRY_USER" \
        < "$LAB_PASSWORD_FILE" > "$dir/htpasswd.part"
    mv "$dir/htpasswd.part" "$dir/htpasswd"
}

# The content of a new registry: Traefik, and the app's base (so that a first push is small).
registry_seed_file() {
    echo "$LAB_CACHE/registry/seed-$(docker image inspect -f '{{.Id}}' "$LAB_TRAEFIK_IMAGE" "$LAB_BASE_IMAGE" | sha256sum | cut -c1-16).tar"
}

registry_create() {
    local seed
    seed=$(registry_seed_file)
    docker rm -fv "$LAB_REGISTRY_NAME" > /dev/null 2>&1 || true
    docker create --name "$LAB_REGISTRY_NAME" --label mrsk-lab=registry \
        --network "$LAB_NETWORK" --ip "$LAB_REGISTRY_IP" mrsk-lab/registry > /dev/null
    tar -C "$LAB_CACHE/registry" --mode=644 --owner=0 --group=0 -cf - htpasswd registry.crt registry.key |
        docker cp - "$LAB_REGISTRY_NAME:/etc/mrsk-lab" > /dev/null
    if [ -s "$seed" ]; then
        docker cp - "$LAB_REGISTRY_NAME:/var/lib" < "$seed" > /dev/null
    fi
    docker start "$LAB_REGISTRY_NAME" > /dev/null
}

registry_curl() {
    curl --noproxy '*' --cacert "$LAB_AUTHORITY" --netrc-file "$LAB_CACHE/registry/netrc" -fsS -o /dev/null --max-time 3 \
        "https://$LAB_REGISTRY/v2/$1"
}

lab_docker() { docker --config "$LAB_CACHE/registry/docker-config" "$@"; }

registry_fill() {
    local seed
    if registry_curl traefik/manifests/v3 2> /dev/null && registry_curl mrsk-lab/base/manifests/latest 2> /dev/null; then
        return
    fi
    say 'filling the registry'
    docker tag "$LAB_BASE_IMAGE" "$LAB_REGISTRY/mrsk-lab/base"
    quietly push-base lab_docker push "$LAB_REGISTRY/mrsk-lab/base"
    quietly push-traefik lab_docker push "$LAB_TRAEFIK_IMAGE"
    seed=$(registry_seed_file)
    rm -f "$LAB_CACHE"/registry/seed-*
    docker cp "$LAB_REGISTRY_NAME:/var/lib/docker-registry" - > "$seed.part"
    mv "$seed.part" "$seed"
}

registry_ready() {
    case $(container_state "$LAB_REGISTRY_NAME") in
    running) ;;
    paused) docker unpause "$LAB_REGISTRY_NAME" > /dev/null ;;
    exited) docker start "$LAB_REGISTRY_NAME" > /dev/null || registry_create ;;
    *) registry_create ;;
    esac
    if ! wait_for 10 registry_curl ''; then
        say 'the registry does not answer: making it anew'
        registry_create
        wait_for 15 registry_curl '' || die 'the registry does not start'
    fi
    quietly registry-login lab_docker login --username "$LAB_REGISTRY_USER" --password-stdin "$LAB_REGISTRY" \
        < "$LAB_PASSWORD_FILE"
    registry_fill
}
