# Tells what a host is like, one fact a line, and changes nothing. The lines before this one set what is asked:
# scope extent version state_of_root state_in_home ports also repository further paths familiar filter kept listing format secrets. Runs in any POSIX sh; read from a pipe, it starts only when all of it is there.
# shellcheck shell=sh
# shellcheck disable=SC2154 # what is asked is set above
# shellcheck disable=SC2086 # $limit, $tables, $ids and the like are lists of words
newline='
'

say() { # TAG TEXT
    case $2 in
    *"$newline"*) ;;
    *) printf '%s %s\n' "$1" "$2" ;;
    esac
}

has() {
    command -v "$1" > /dev/null
}

say_line() { # TAG FILE
    if [ -r "$2" ]; then
        line=
        IFS= read -r line < "$2"
        say "$1" "$line"
    fi
}

# Tells each of the lines TEXT.
say_each() { # TAG TEXT
    tag=$1
    IFS=$newline
    set -f
    for line in $2; do
        say "$tag" "$line"
    done
    set +f
    unset IFS
}

# Sets $joined to the text of a file without its line ends. A read costs no process, but a call for each byte.
join() { # FILE
    joined=''
    while IFS= read -r line || [ -n "$line" ]; do
        joined=$joined$line
    done < "$1"
}

# Sets $joined to the words of a text, without what is between them.
join_words() { # TEXT
    set -f
    # shellcheck disable=SC2086 # what it is to do
    set -- $1
    set +f
    IFS=''
    joined=$*
    unset IFS
}

machine() {
    user=$(id)
    user_id=${user#uid=}
    user_id=${user_id%%[!0-9]*}
    user=${user%% *}
    case $user in
    *'('*')') user=${user#*'('} user=${user%')'} ;;
    *) user='' ;;
    esac
    if [ "$user_id" = 0 ]; then
        privilege=root
        state_dir=$state_of_root
    else
        privilege=none
        has sudo && sudo -n true > /dev/null && privilege=sudo
        state_dir=$HOME/$state_in_home
    fi
    say home "$HOME"
    say user "$user"
    say privilege "$privilege"
    say state_dir "$state_dir"
    machine=$(uname -nm)
    say architecture "${machine##* }"
    say hostname "${machine% *}"
    say_line boot_id /proc/sys/kernel/random/boot_id
    for file in /etc/machine-id /var/lib/dbus/machine-id; do
        [ -s "$file" ] && say_line machine_id "$file" && break
    done
    for kind in ed25519 ecdsa rsa; do
        file=/etc/ssh/ssh_host_${kind}_key.pub
        [ -r "$file" ] && say_line host_key "$file" && break
    done
    for file in /etc/os-release /usr/lib/os-release; do
        [ -r "$file" ] || continue
        while IFS= read -r line; do
            case $line in ID=*) say os "${line#ID=}" ;; esac
        done < "$file"
        break
    done
    say wanted "$ports"
    has apt-get && say package_manager apt-get
    if [ -d /run/systemd/system ]; then
        say service_manager systemd
    else
        say service_manager service
    fi
    has curl && say curl yes
    sed -n 's/^ *[0-9]*: [0-9A-F]*:\([0-9A-F]*\) [0-9A-F]*:[0-9A-F]* 0A .*/listen \1/p' /proc/net/tcp /proc/net/tcp6
}

state() {
    directory=$state_dir/$scope
    keys login auths '[{]' "$directory/docker/config.json"
    finished=''
    [ -s "$directory/finished" ] && finished=$(sed 's/^/finished /' "$directory/finished") && printf '%s\n' "$finished"
    [ -f "$directory/serial" ] && serial "$directory/serial"
    [ -r "$directory/routed" ] && routed "$directory/routed"
    for run in "$directory"/runs/*/; do
        [ -d "$run" ] || continue
        run=${run%/}
        say begun "${run##*/}"
    done
    for assets in "$directory"/assets/m-* "$directory"/assets/part-m-*; do
        [ -d "$assets" ] || continue
        joined=${assets##*/}
        for other in "$assets"/with/m-*; do
            [ -d "$other" ] && joined="$joined ${other##*/}"
        done
        say assets "$joined"
    done
    lock "$HOME/mrsk_lock"
}

# The lock of the service, or that of another tool; not what else mrsk has locked, whose details begin with `Service: `.
lock() { # DIRECTORY
    if [ -d "$1/$scope" ]; then
        join "$1/$scope/details"
        say lock "$joined"
    elif [ -d "$1" ]; then
        join "$1/details"
        case $joined in
            U2VydmljZTog*) ;;
            *) say lock "$joined" ;;
        esac
    fi
}

# The last routes, and before them the last ones of the version that is asked about.
routed() { # FILE
    recent=$(tail -n 100 "$1")
    number=0
    IFS=$newline
    set -f
    for line in $recent; do
        number=$((number + 1))
    done
    set +f
    unset IFS
    # All that there is, in most files.
    if [ "$number" -lt 100 ] && [ "${#recent}" -lt 65536 ]; then
        say_each routed "$recent"
        return
    fi
    {
        [ -n "$version" ] && grep -F -e " $version " "$1" | tail -n 20
        printf '%s\n' "$recent"
    } | tail -c 65536 | sed 's/^/routed /'
}

# A serial that is damaged is as high as its time, as for the fence. While no step of the last plan has begun, and it is not
# finished, that before it is the last. How far the last one is follows, unless it is finished.
serial() { # FILE
    IFS=' ' read -r number plan earlier earlier_plan < "$1"
    case $number in
        '' | *[!0-9]*) say serial "$(date -r "$1" +%s)" && return ;;
    esac
    case $earlier in
        '' | *[!0-9]*) ;;
        *)
            has_begun "${1%/*}/runs/${plan#*:}" || is_finished "$plan" ||
                { number=$earlier && plan=$earlier_plan; }
            ;;
    esac
    case $plan in
        sha256:*) is_finished "$plan" || { how_far "${1%/*}/runs/${plan#*:}" && plan="$plan $attempts $checksum"; } ;;
    esac
    say serial "$number $plan"
}

is_finished() { # PLAN
    case $newline$finished$newline in
        *"${newline}finished $1"[" $newline"]*) return 0 ;;
    esac
    return 1
}

# Whether a step of a plan may have begun: one was claimed and not refused, or a power cut may have taken its claim. A step of another
# machine that its check judges, such as a build, says nothing about itself and does not count.
has_begun() { # DIRECTORY
    booted=
    [ -r "$1/begun" ] && IFS=' ' read -r _ booted < "$1/begun"
    IFS= read -r boot < /proc/sys/kernel/random/boot_id
    [ "$booted" = "$boot" ] && ! [ -e "$1/restarted" ] || return 0
    for claim in "$1"/*/*/claim; do
        counts "${claim%/claim}" && return
    done
    return 1
}

# Whether an attempt says what it is, and was not refused. Sets $receipt to its whole receipt.
counts() { # DIRECTORY
    [ -e "$1/about" ] || return
    receipt=''
    [ -r "$1/receipt" ] && IFS= read -r receipt < "$1/receipt"
    case $receipt in
        'refused '*' end') return 1 ;;
        *' end') ;;
        *) receipt='' ;;
    esac
}

# Sets $attempts to how many attempts at steps of a plan count, and $checksum to one of when they began and ended: as the fence does.
how_far() { # DIRECTORY
    IFS= read -r boot < /proc/sys/kernel/random/boot_id
    attempts=0
    checksum=0
    for claim in "$1"/*/*/claim; do
        attempt=${claim%/claim}
        counts "$attempt" || continue
        attempts=$((attempts + 1))
        IFS=' ' read -r pid start booted _ < "$claim"
        ended=${receipt#* * * * }
        ended=${ended%% *}
        for word in "${attempt##*/}" "$pid" "$start" "$ended"; do
            mix "$word"
        done
        [ -z "$receipt" ] && lives "$attempt" && mix 1
    done
    return 0
}

# Mixes a number into $checksum. Of a long one the last nine digits count, so that the arithmetic of any shell can hold it.
mix() { # NUMBER
    case $1 in
        '' | *[!0-9]* | 0?*) set -- 0 ;;
        ??????????*) set -- "1${1#"${1%?????????}"}" ;;
    esac
    checksum=$(((checksum * 31 + $1 % 67108859) % 67108859))
}

# Whether the script of an attempt is alive, or a command that it has started. Its claim is in $pid, $start and $booted.
lives() { # DIRECTORY
    [ "$booted" = "$boot" ] || return
    is_process "$pid" "$start" && return
    for sessions in "$1/sessions" "$1/sessions.cleanup"; do
        [ -r "$sessions" ] || continue
        while IFS=' ' read -r pid start; do
            is_process "$pid" "$start" && return
        done < "$sessions"
    done
    return 1
}

is_process() { # PID START
    stat=''
    [ -r "/proc/$1/stat" ] && IFS= read -r stat < "/proc/$1/stat"
    # shellcheck disable=SC2086 # its words
    set -- "$2" ${stat##*') '}
    case ${2-} in
        Z | X | '') return 1 ;;
    esac
    [ "${21}" = "$1" ]
}

free_space() { # DIRECTORY
    for place in "$1" /var/lib /; do
        if [ -d "$place" ] && space=$(df -Pk "$place"); then
            say space "${space##*"$newline"}"
            return
        fi
    done
}

# The registries in a configuration of docker, and nothing else of it: keys below SECTION whose value begins with BEGIN.
keys() { # TAG SECTION BEGIN FILE
    [ -r "$4" ] && has awk || return
    awk -v tag="$1" -v wanted="\"$2\"" -v begin="$3" '{ text = text $0 " " }
    END {
        while (match(text, /["{}]/)) {
            mark = substr(text, RSTART, 1)
            text = substr(text, RSTART)
            if (mark == "\"") {
                if (!match(text, /^"([^"\\]|\\.)*"/)) exit
                key = substr(text, 1, RLENGTH)
                text = substr(text, RLENGTH + 1)
                if (depth == 2 && section == wanted && text ~ ("^[ \t\r]*:[ \t\r]*" begin)) print tag " " key
                continue
            }
            text = substr(text, 2)
            if (mark == "}") { depth--; continue }
            depth++
            if (depth == 2) section = key
        }
    }' "$4"
}

# Asks the engine itself what three clients of docker would: each costs the host more than all else that is asked here. Fails if it cannot be
# asked so.
of_socket() {
    has curl && [ -S "$socket" ] && [ -w "$socket" ] && ! has_context || return
    [ -z "$repository" ] || [ -n "$filter" ] || return
    answer=$(curl -q -g -s -f --max-time 10 --unix-socket "$socket" -w '\n' http://docker/info http://docker/networks \
        ${filter:+"http://docker/images/json?filters=$filter"})
    IFS=$newline
    set -f
    # shellcheck disable=SC2086 # a word is a line
    set -- $answer
    set +f
    unset IFS
    answer=${1-}$newline${2:+networks_of_engine $2}${3:+${newline}images_of_engine $3}
    case $answer in
    '{'*'"DockerRootDir":"'*"$newline"'networks_of_engine ['*) ;;
    *) return 1 ;;
    esac
    case $filter$answer in
    %*"$newline"'images_of_engine ['*) say repository "$repository" ;;
    %*) return 1 ;;
    esac
    printf '%s\n' "${answer#*"$newline"}"
    answer=${answer%%"$newline"*}
    version_=${answer#*'"ServerVersion":"'}
    security=${answer#*'"SecurityOptions":'}
    case $security in
    '['*) security=${security%%']'*}']' ;;
    *) security=null ;;
    esac
    say info "[\"${version_%%'"'*}\",$security]"
    answer=${answer#*'"DockerRootDir":"'}
    free_space "${answer%%'"'*}"
}

# Whether docker's client may speak with another engine than that of the machine.
has_context() {
    [ -z "${DOCKER_HOST-}" ] || return
    [ -n "${DOCKER_CONTEXT-}" ] || grep -q '"currentContext"' "${DOCKER_CONFIG:-$HOME/.docker}/config.json"
}

# What it is, its networks and its images.
of_engine() {
    of_socket && return
    engine_info
    networks
    images
    has_context && endpoint
}

engine_info() {
    answer=$($limit docker info --format '{{.DockerRootDir}}
[{{json .ServerVersion}},{{json .SecurityOptions}}]')
    say info "${answer##*"$newline"}"
    free_space "${answer%%"$newline"*}"
}

networks() {
    $limit docker network ls --format 'network {{json .Name}}' || say failed networks
}

images() {
    if [ -n "$repository" ]; then
        say repository "$repository"
        $limit docker image ls --no-trunc --digests --filter "reference=$familiar" --format \
            'image [{{json .Tag}},{{json .ID}},{{json .Digest}},{{json .CreatedAt}}]' || say failed images
    fi
}

further_images() {
    IFS=$newline
    set -f
    # shellcheck disable=SC2086 # a word is a line
    set -- $further
    set +f
    unset IFS
    for image; do
        about=$($limit docker image inspect --format '[{{json .Id}},{{json .RepoDigests}},{{json .Created}}]' \
            "$image" < /dev/null) && [ -n "$about" ] && say further "$image $about"
    done
}

endpoint() {
    $limit docker context inspect --format 'endpoint {{json .Endpoints.docker.Host}}'
}

# Sets $flying to the number of connections to a port.
count_in_flight() { # PID PORT
    port=''
    number=$2
    set -- "$1" 0 1 2 3 4 5 6 7 8 9 A B C D E F
    for part in $((number >> 12)) $((number >> 8 & 15)) $((number >> 4 & 15)) $((number & 15)); do
        eval "port=\$port\${$((part + 2))}"
    done
    tables="/proc/$1/net/tcp /proc/$1/net/tcp6"
    pattern="^ *[0-9]*: [0-9A-F]*:$port [0-9A-F]*:[0-9A-F]* 01 "
    counts=''
    if [ -r "/proc/$1/net/tcp" ]; then
        counts=$(grep -hc "$pattern" $tables)
    elif [ "$privilege" = sudo ]; then
        counts=$(sudo -n cat $tables | grep -c "$pattern")
    fi
    flying=0
    for number in $counts; do
        flying=$((flying + number))
    done
}

# Connections are counted first, so that the request that follows is not among them.
ask_container() { # ID PID @ADDRESS,… "PORT PATH"
    check=${4#\"}
    check=${check%\"}
    port=${check%% *}
    path=${check#* }
    case $port in '' | *[!0-9]*) return ;; esac
    number_of_port=$port
    count_in_flight "$2" "$number_of_port"
    port=$number_of_port
    say in_flight "$1 $flying"
    address=${3#@}
    while :; do
        case $address in ,*) address=${address#,} ;; *) break ;; esac
    done
    address=${address%%,*}
    case $path in *\\* | *' '*) return ;; /*) ;; *) return ;; esac
    [ -n "$address" ] && has curl || return
    status=$(curl -q -g -s -o /dev/null -w '%{http_code}' --noproxy '*' --max-time 2 -H 'Host: localhost' \
        "http://$address:$port$path")
    [ "$status" = 200 ] && say healthy "$1"
}

routing_files() { # DIRECTORY
    [ -d "$1" ] && [ -w "$1" ] && say writable "$1"
    for file in "$1"/*.yml "$1"/*.yaml "$1"/*.toml; do
        [ -f "$file" ] || continue
        name=${file##*/}
        case $name in
        *[!A-Za-z0-9._@%+-]*) name=$(printf %s "$name" | tr -c 'A-Za-z0-9._@%+-' '?') ;;
        esac
        say routing_file "$name"
    done
    set -- "$1"/mrsk-*.yml
    [ -f "$1" ] || return
    say_each file "$(sha256sum "$@")"
    say_each alias "$(grep -Ho 'm-[0-9a-f]\{16\}' "$@")"
    for file; do
        join_words "$(base64 < "$file")"
        say text "$joined $file"
    done
}

# Files and directories of accessories; `~/` is the login directory.
places() {
    printf '%s\n' "$paths" | while IFS= read -r place; do
        case $place in
        '~/'*) place=$HOME/${place#'~/'} ;;
        /*) ;;
        *) continue ;;
        esac
        if [ -d "$place" ]; then
            set -- "$place"/* "$place"/.[!.]*
            entries=0
            for entry; do
                [ -e "$entry" ] || [ -h "$entry" ] || continue
                entries=$((entries + 1))
            done
            say directory "$entries $place"
        elif [ -f "$place" ] && [ -r "$place" ]; then
            say file "$(sha256sum < "$place" | sed 's/ .*//')  $place"
        fi
    done
}

# Where on the host the directory is that Traefik watches: the mount with the longest path above it.
watch() { # DESTINATION SOURCE
    case $watched/ in "$1"/*) ;; *) return ;; esac
    if [ "${#1}" -ge "$depth" ]; then
        depth=${#1}
        found=$2${watched#"$1"}
    fi
}

ids_of() { # QUESTION [QUESTION ID]…
    wanted=$1
    shift
    ids=''
    while [ "$#" -gt 1 ]; do
        [ "$1" = "$wanted" ] && ids="$ids $2"
        shift 2
    done
    [ -n "$ids" ]
}

# Hashes secrets of containers. Values pass from pipe to variable to pipe: no argument, file or output holds one.
hash_secrets() { # NUMBER SALT FORMAT ID…
    has sha256sum || return
    number=$1 salt=$2 template=$3
    shift 3
    unset mrsk_entry mrsk_line
    mrsk_entry='' hashes=''
    $limit docker inspect --type container --format "$template" "$@" | while IFS= read -r mrsk_line; do
        if [ "$mrsk_line" != "--$salt" ]; then
            mrsk_entry=$mrsk_entry$mrsk_line$newline
            continue
        fi
        case $mrsk_entry in
        !*)
            mrsk_entry=${mrsk_entry%"$newline"}
            say hashed "$number ${mrsk_entry#!}$hashes"
            hashes=''
            ;;
        *)
            hash=$(printf '%s%s' "$salt" "${mrsk_entry#*=}" | sha256sum)
            hashes="$hashes ${mrsk_entry%%=*}=${hash%% *}"
            ;;
        esac
        mrsk_entry=''
    done
}

look_at() { # ID…
    inspected=$($limit docker inspect --type container --format "$format" "$@")
    watched='' source='' found='' depth=0 previous='' asked=''
    IFS=$newline
    set -f
    # shellcheck disable=SC2086 # a word is a line
    set -- $inspected
    set +f
    unset IFS
    for line; do
        about_container "$line"
    done
    if [ -n "$found" ]; then
        say watched "$found"
        [ "$found" = "$state_dir/traefik" ] || routing_files "$found"
    fi
    secrets $asked
    wait
}

about_container() { # LINE
    text=${1#* }
    text_=${text#\"}
    text_=${text_%\"}
    case $1 in
    'container '* | 'traefik '*) printf '%s\n' "$1" ;;
    'running '*)
        id=${text%% *} text=${text#* }
        pid=${text%% *} text=${text#* }
        ask_container "$id" "$pid" "${text%% *}" "${text#* }" &
        ;;
    'argument '*)
        case $text_ in
        --[pP]roviders.[fF]ile.[dD]irectory=*) watched=${text_#*=} ;;
        esac
        case $previous in
        --[pP]roviders.[fF]ile.[dD]irectory) watched=$text_ ;;
        esac
        previous=$text_
        watched=${watched%/}
        ;;
    'source '*) source=$text_ ;;
    'destination '*) [ -n "$watched" ] && watch "${text_%/}" "$source" ;;
    'question '*) asked="$asked $text" ;;
    esac
}

containers() {
    listed=$($limit docker ps -a --no-trunc --format "$listing") || {
        say failed containers
        return
    }
    wanted='' proxied=''
    # Only what runs publishes a port.
    case $listed in *' "kamal-proxy" "'[!'"']*) kamal_proxy ;; esac
    IFS=$newline
    set -f
    # shellcheck disable=SC2086 # a word is a line
    set -- $listed
    set +f
    unset IFS
    for line; do
        about_listed "$line"
    done
    # shellcheck disable=SC2086 # a list of words
    set -- $wanted
    say asked "$#"
    [ "$#" = 0 ] || look_at "$@"
}

# What the kamal-proxy that runs serves. Sets $proxied to its list, which has ids of containers. Of its certificates only the
# names are told.
kamal_proxy() {
    say kamal_proxy yes
    proxied=$($limit docker exec kamal-proxy kamal-proxy list)
    say_each proxied "$proxied"
    case $proxied in
    *yes*)
        certificates=$($limit docker cp "kamal-proxy:$kept" - | tar -tf -)
        say_each certificate "$certificates"
        ;;
    esac
}

about_listed() { # "ID OURS NAME PUBLISHED"
    id=${1%% *} text=${1#* }
    ours=${text%% *} text=${text#* }
    name=${text%% *} published=${text#* }
    case $also in *" $name "*) ours=yes ;; esac
    case $proxied in *"${id%"${id#????????????}"}:"*) ours=yes ;; esac
    for port in $ports; do
        case $published in *":$port-"*) ours=yes ;; esac
    done
    case $published in *-*) say published "$name $published" ;; esac
    [ "$ours" = yes ] && wanted="$wanted $id"
}

# All at once; each of the later ones waits for its turn in a pipe.
ask_engine() {
    of_engine < /dev/null | {
        exec 4<&0
        if [ -z "$further" ]; then
            containers < /dev/null
        else
            further_images < /dev/null | {
                exec 5<&0
                containers < /dev/null
                cat <&5
            }
        fi
        cat <&4
    }
}

engine() {
    if ! has docker; then
        free_space /var/lib/docker
        return
    fi
    say docker yes
    keys helper credHelpers '"' "${DOCKER_CONFIG:-$HOME/.docker}/config.json"
    [ -S /var/run/docker.sock ] && ! [ -w /var/run/docker.sock ] && say denied yes
    socket=/var/run/docker.sock
    case ${DOCKER_HOST-} in
    '') ;;
    unix://*) socket=${DOCKER_HOST#unix://} ;;
    *)
        say remote "${DOCKER_HOST##*@}"
        return
        ;;
    esac
    limit=
    has timeout && timeout 1 true && limit='timeout 20'
    ask_engine
}

main() {
    exec 2> /dev/null
    LC_ALL=C
    export LC_ALL
    [ -n "${HOME-}" ] || HOME=$(pwd)
    printf '\nmrsk-facts 1 begin\n'
    machine
    state
    if [ "$extent" = whole ]; then
        routing_files "$state_dir/traefik"
        places
        engine
    fi
    printf 'mrsk-facts 1 end\n'
}

main < /dev/null
