# shellcheck shell=bash
# Docker's buildx plugin, for the tests of builders: in the lab's cache, not where every docker of this machine finds it, since a
# client builds differently if it has the plugin. Sourced, never run.

# Debian releases that may have the plugin, in this order, if the machine's own does not.
BUILDX_SUITES='trixie forky sid'

# Prints the mirror of the machine's own Debian archive.
debian_mirror() {
    apt_archives | grep '^Debian|Debian|' | head -n 1 | cut -d '|' -f 3
}

# Downloads the package from another release, with separate lists: the machine's do not change.
buildx_of_suite() { # SUITE DIRECTORY
    local mirror options
    mirror=$(debian_mirror)
    mkdir -p "$2/lists/partial" "$2/cache/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1 main" > "$2/sources.list"
    options=(-o "Dir::Etc::sourcelist=$2/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$2/lists" -o "Dir::Cache=$2/cache" -o APT::Sandbox::User=root)
    (cd "$2" && as_root apt-get "${options[@]}" update && as_root apt-get "${options[@]}" download docker-buildx)
}

# Leaves the plugin at $LAB_BUILDX.
buildx_ready() {
    local plugin suite work=$LAB_CACHE/buildx.work
    [ -x "$LAB_BUILDX" ] && return
    for plugin in {/usr/local,/usr}/{libexec,lib}/docker/cli-plugins/docker-buildx; do
        [ -x "$plugin" ] || continue
        cp "$plugin" "$LAB_BUILDX"
        return
    done
    for suite in $BUILDX_SUITES; do
        as_root rm -rf "$work"
        quietly "buildx-$suite" buildx_of_suite "$suite" "$work" || continue
        dpkg-deb -x "$work"/docker-buildx_*.deb "$work/root"
        plugin=$(find "$work/root" -name docker-buildx -type f -perm -u+x | head -n 1)
        [ -n "$plugin" ] || continue
        cp "$plugin" "$LAB_BUILDX.part"
        mv "$LAB_BUILDX.part" "$LAB_BUILDX"
        as_root rm -rf "$work"
        return
    done
    say "docker-buildx is not available: tests/lab_tests/builders.rs will fail until it is at $LAB_BUILDX"
}
