# Hundredths of a second between two reports of a poll.
mrsk_report_pause=50

# What is asked of a container. In `inspect` the addresses in one network follow, after `/in`.
mrsk_asked_of_container='{{.State.Status}} {{.State.Pid}} {{.RestartCount}} {{with .State.Health}}{{.Status}}{{else}}-{{end}} {{.HostConfig.NetworkMode}} {{.Image}}{{range .NetworkSettings.Networks}} {{.IPAddress}} {{.GlobalIPv6Address}}{{end}}{{range $port, $of_host := .NetworkSettings.Ports}}{{if $of_host}} {{$port}}{{end}}{{end}}'

# Looks at container $1: sets mrsk_is (its state, "missing", or "unknown" if docker does not answer), mrsk_pid, mrsk_restarts, mrsk_health,
# mrsk_image, mrsk_address, mrsk_published (its ports that the host has, as `3000/tcp`) and mrsk_inside (its addresses in network $2).
inspect() {
  mrsk_pid=
  mrsk_image=
  mrsk_address=
  mrsk_inner="{{with index .NetworkSettings.Networks \"$2\"}} {{.IPAddress}} {{.GlobalIPv6Address}}{{end}}"
  mrsk_text=$(docker inspect --type container --format "$mrsk_asked_of_container /in$mrsk_inner" "$1" 2>&1 </dev/null 4>&-)
  if [ "$?" != 0 ]
  then
    mrsk_is=unknown
    case $mrsk_text in
    *[Nn]'o such'*) mrsk_is=missing ;;
    esac
    return 0
  fi
  read_container $mrsk_text
}

# Whether process $1 lives and is the one that began at $2. Nobody's container is process 1.
lives() {
  [ "${1:-0}" -gt 1 ] && process "$1" && [ "$mrsk_start" = "$2" ]
}

# What docker has said of containers since the last command of a step: lines of NAME/NETWORK, process, its start and the answer.
mrsk_told=$mrsk_nl

# Says that a command follows, which may change what docker would say.
forget() {
  mrsk_told=$mrsk_nl
}

# As `inspect`, but docker is asked once as long as the process that it named lives: the container runs then, as it did.
see() {
  recall "$1/$2" && return 0
  inspect "$@"
  process "$mrsk_pid" || return 0
  mrsk_told=$mrsk_nl$1/$2' '$mrsk_pid' '$mrsk_start' '${mrsk_text%%"$mrsk_nl"*}$mrsk_told
}

# Takes what is known of the container $1, if that holds.
recall() {
  case $mrsk_told in
  *"$mrsk_nl$1 "*) ;;
  *) return 1 ;;
  esac
  mrsk_text=${mrsk_told#*"$mrsk_nl$1 "}
  mrsk_text=${mrsk_text%%"$mrsk_nl"*}
  set -- $mrsk_text
  lives "$1" "$2" || return 1
  shift 2
  read_container "$@"
}

# Takes the words of docker's answer. An address that is not set is nothing, or two words.
read_container() {
  mrsk_is=$1
  mrsk_pid=$2
  mrsk_restarts=$3
  mrsk_health=$4
  mrsk_address=
  mrsk_published=' '
  mrsk_inside=
  [ "$5" = host ] && mrsk_address=127.0.0.1
  mrsk_image=$6
  shift 6
  mrsk_part=
  for mrsk_word in "$@"
  do
    case $mrsk_part$mrsk_word in
    /in) mrsk_part=/in: ;;
    /in:*[!0-9a-fA-F.:]*) ;;
    /in:*[.:]*) mrsk_inside="$mrsk_inside $mrsk_word" ;;
    [0-9]*/*) mrsk_published="$mrsk_published$mrsk_word " ;;
    *[!0-9a-fA-F.:]*) ;;
    *:*) mrsk_address=${mrsk_address:-"[$mrsk_word]"} ;;
    *.*) mrsk_address=${mrsk_address:-$mrsk_word} ;;
    esac
  done
}

# Keeps what a look has seen: only the last look of an attempt is reported.
note() {
  mrsk_note=$*
}

# Whether docker did not answer.
unknown() {
  [ "$mrsk_is" = unknown ] || return 1
  note "$mrsk_text"
}

# GETs path $2 of port $1 at mrsk_address with Host header $3: sets mrsk_code, and mrsk_text to the headers or the error.
get() {
  mrsk_text=$(curl -sSg --noproxy '*' --max-time 5 -D - -o /dev/null -w '%{http_code}' -H "Host: $3" -H 'Connection: close' "http://$mrsk_address:$1$2" 2>&1 </dev/null 4>&-)
  mrsk_code=000
  case $mrsk_text in
  *[0-9][0-9][0-9]) mrsk_code=${mrsk_text#"${mrsk_text%???}"} ;;
  esac
  mrsk_text=${mrsk_text%???}
  mrsk_text=${mrsk_text%"$mrsk_nl"}
}

# Whether container $1, as it was inspected, does not go on running: restarted by nobody but, perhaps, before.
fell() {
  [ "$mrsk_is" = running ] && [ "$mrsk_restarts" = "${mrsk_first:=$mrsk_restarts}" ] && return 1
  note "container $1 is $mrsk_is, restarted ${mrsk_restarts:-0} times"
}

# A look's result is 0 for yes, 1 for not yet, 2 for never.

# Asks twice, 50 ms apart: what answers once and dies is not healthy.
look_http() {
  see "$1"
  ask "$@" || return
  sleep 0.05 2>/dev/null 4>&- &
  mrsk_nap=$!
  see "$1"
  wait "$mrsk_nap" || sleep 1
  ask "$@"
}

# Asks container $1, as it was inspected.
ask() {
  unknown && return 1
  fell "$1" && return 2
  if [ -z "$mrsk_address" ]
  then
    note "container $1 has no address"
    return 1
  fi
  get "$2" "$3" "$4"
  [ "$mrsk_code" = 200 ] && return 0
  if [ "$mrsk_code" = 000 ]
  then
    note "$mrsk_text"
  else
    note "$mrsk_code"
  fi
  return 1
}

# Whether the headers in mrsk_text have one whose name fits the pattern $1, and whose value is $2.
has_header() {
  mrsk_ifs=$IFS
  IFS=$mrsk_nl
  set -f
  mrsk_has=1
  for mrsk_line in $mrsk_text
  do
    # Without the carriage return at its end.
    case ${mrsk_line%[!\ -~]} in
    $1": $2") mrsk_has=0 ;;
    esac
  done
  set +f
  IFS=$mrsk_ifs
  return "$mrsk_has"
}

look_route() {
  see "$1"
  unknown && return 1
  if [ "$mrsk_is" != running ]
  then
    note "container $1 is $mrsk_is"
    return 2
  fi
  get "$2" "$3" "$4"
  has_header '[Xx]-[Mm][Rr][Ss][Kk]-[Cc][Oo][Nn][Tt][Aa][Ii][Nn][Ee][Rr]' "$5" && return 0
  note "$mrsk_code, not from $5"
  # Of a container that is paused since, the process lives.
  [ "$mrsk_code" != 000 ] || mrsk_told=$mrsk_nl
  return 1
}

# Sets mrsk_word to address $1 as /proc/net/tcp has it: words of 4 bytes, each backwards, as little-endian machines keep them.
backwards() {
  mrsk_word=
  mrsk_ifs=$IFS
  case $1 in
  *:*) IFS=: ;;
  *) IFS=. ;;
  esac
  mrsk_head=${1%%::*}
  mrsk_tail=
  case $1 in
  *::*) mrsk_tail=${1#*::} ;;
  esac
  set -- $mrsk_head $mrsk_tail
  if [ "$IFS" = . ]
  then
    add_bytes "$4" "$3" "$2" "$1"
    set --
  fi
  mrsk_zeros=
  mrsk_count=$#
  while [ "$mrsk_count" -gt 0 ] && [ "$mrsk_count" -lt 8 ]
  do
    mrsk_zeros=0:$mrsk_zeros
    mrsk_count=$((mrsk_count + 1))
  done
  [ "$#" = 0 ] || set -- $mrsk_head $mrsk_zeros $mrsk_tail
  while [ "$#" -gt 1 ]
  do
    add_bytes "$((0x$2 & 255))" "$((0x$2 >> 8))" "$((0x$1 & 255))" "$((0x$1 >> 8))"
    shift 2
  done
  IFS=$mrsk_ifs
}

# Adds these bytes to mrsk_word in hexadecimal digits.
add_bytes() {
  for mrsk_byte in "$@"
  do
    set -- 0 1 2 3 4 5 6 7 8 9 A B C D E F
    eval "mrsk_word=\$mrsk_word\${$((mrsk_byte / 16 + 1))}\${$((mrsk_byte % 16 + 1))}"
  done
}

# Sets mrsk_ways to the addresses of the inspected container that requests to port $1 (hexadecimal) come by, with a space around each: those
# in the network that routes lead into. If it has none there (it is in the host's network), or publishes the port, to nothing: any.
find_ways_in() {
  mrsk_ways=
  for mrsk_address_there in $mrsk_inside
  do
    backwards "$mrsk_address_there"
    case $mrsk_word in
    ????????) mrsk_word="$mrsk_word 0000000000000000FFFF0000$mrsk_word" ;;
    esac
    mrsk_ways="$mrsk_ways $mrsk_word "
  done
  case $mrsk_published in
  *" $((0x$1))/tcp "*) mrsk_ways= ;;
  esac
}

# Sets mrsk_text to the sockets that process mrsk_pid sees.
read_sockets() {
  mrsk_text=$(cat "/proc/$mrsk_pid/net/tcp" "/proc/$mrsk_pid/net/tcp6" 2>/dev/null) ||
    mrsk_text=$(sudo -n cat "/proc/$mrsk_pid/net/tcp" "/proc/$mrsk_pid/net/tcp6" 2>/dev/null)
  case $mrsk_text in
  *local_address*) return 0 ;;
  esac
  return 1
}

# Sets mrsk_listeners to the number of those that listen on port $1 (hexadecimal). The table is read in pieces while it changes, and
# may lack a line: none counts as none when it is seen twice.
count_listeners() {
  mrsk_ways=
  count_sockets "$1" 0A
  [ "$mrsk_count" = 0 ] && read_sockets && count_sockets "$1" 0A
  mrsk_listeners=$mrsk_count
}

# Sets mrsk_count to the number of lines of mrsk_text about sockets at the addresses mrsk_ways and port $1 (hexadecimal) that are in state $2.
count_sockets() {
  mrsk_count=0
  mrsk_ifs=$IFS
  IFS=$mrsk_nl
  set -f
  for mrsk_line in $mrsk_text
  do
    case $mrsk_line in
    *": "*":$1 "*" $2 "*) ;;
    *) continue ;;
    esac
    mrsk_line=${mrsk_line#*: }
    mrsk_way=${mrsk_line%%:*}
    mrsk_line=${mrsk_line#*:}
    case $mrsk_line in
    "$1 "*:*" $2 "*) mrsk_line=${mrsk_line#* * } ;;
    *) continue ;;
    esac
    case $mrsk_line in
    "$2 "*) ;;
    *) continue ;;
    esac
    case ${mrsk_ways:-" $mrsk_way "} in
    *" $mrsk_way "*) mrsk_count=$((mrsk_count + 1)) ;;
    esac
  done
  set +f
  IFS=$mrsk_ifs
}

# Whether container $1 goes on running, if it is named.
goes_on() {
  [ -n "$1" ] || return 0
  see "$1"
  unknown && return 1
  fell "$1" && return 2
  return 0
}

# Whether container $1 does not run any more, while $2 takes its place.
look_ended() {
  goes_on "$2" || return
  see "$1"
  unknown && return 1
  [ "$mrsk_is" = running ] || return 0
  note "container $1 is running"
  return 1
}

# Whether container $1 has no request in flight at port $2 (hexadecimal), while $3 takes its requests; they come by network $4. Idle
# connections of others do not count: Docker gives the address of a container that is gone to the next one. A container that refuses
# connections when it is first looked at (nothing listens) answers no health check: nobody is waited for. Any other answer to a
# health check, or none, may be that of an app that is busy with requests, which end; the listener tells the two apart, and asks nothing.
look_idle() {
  goes_on "$3" || return
  see "$1" "$4"
  unknown && return 1
  [ "$mrsk_is" = running ] || return 0
  if ! read_sockets
  then
    note "cannot read the connections of process $mrsk_pid"
    return 1
  fi
  find_ways_in "$2"
  count_sockets "$2" 01
  [ "$mrsk_count" = 0 ] && return 0
  mrsk_flying=$mrsk_count
  [ -n "$mrsk_listeners" ] || count_listeners "$2"
  if [ "$mrsk_listeners" = 0 ]
  then
    printf 'nothing listens on port %s: not waiting for %s in flight\n' "$((0x$2))" "$mrsk_flying"
    return 0
  fi
  note "$mrsk_flying in flight"
  return 1
}

# Without a health check no look says yes: `poll` does, once the attempts are over. Docker's health checks are asked for each time.
look_running() {
  if [ "$mrsk_health" = - ]
  then
    see "$1"
  else
    inspect "$1"
  fi
  unknown && return 1
  fell "$1" && return 2
  case $mrsk_health in
  healthy) return 0 ;;
  unhealthy)
    note "container $1 is unhealthy"
    return 2
    ;;
  -) ;;
  *) note "container $1 is $mrsk_health" ;;
  esac
  return 1
}

# Makes $4 attempts, each of $2 looks within $3 hundredths of a second, as $1 says. The container may have been restarted $5 times
# (empty: as often as at the first look). What follows is the look's.
poll() {
  mrsk_look=$1
  mrsk_looks=$2
  mrsk_limit=$3
  mrsk_tries=$4
  mrsk_first=$5
  mrsk_listeners=
  mrsk_code=
  mrsk_health=
  shift 5
  mrsk_try=1
  hundredths
  mrsk_begin=$mrsk_time
  mrsk_reported=
  mrsk_report_from=$mrsk_time
  while :
  do
    watch_for "$@"
    mrsk_result=$?
    [ "$mrsk_result" = 0 ] && return 0
    [ "$mrsk_result" = 143 ] && return 143
    [ -z "$mrsk_note" ] || printf 'attempt %s of %s: %s\n' "$mrsk_try" "$mrsk_tries" "$mrsk_note"
    [ "$mrsk_result" = 2 ] && return 1
    [ "$mrsk_try" -lt "$mrsk_tries" ] || break
    mrsk_try=$((mrsk_try + 1))
  done
  [ "$mrsk_look $mrsk_health" = 'running -' ] && return 0
  case $mrsk_look in
  idle | ended) ;;
  *) return 1 ;;
  esac
  printf 'continuing after %s attempts\n' "$mrsk_tries"
}

# Sets mrsk_time to the hundredths of a second that the machine has been up.
hundredths() {
  read -r mrsk_time mrsk_rest </proc/uptime
  mrsk_time=${mrsk_time%.*}${mrsk_time#*.}
}

# Reports the attempt and what its last look has seen, if either is new, on descriptor 4: at most once in a pause.
report_poll() {
  [ "$mrsk_reported" != "$mrsk_try $mrsk_note" ] && [ "$mrsk_time" -ge "$mrsk_report_from" ] || return 0
  mrsk_reported="$mrsk_try $mrsk_note"
  mrsk_report_from=$((mrsk_time + mrsk_report_pause))
  encode "${mrsk_note%%"$mrsk_nl"*}"
  say poll "$mrsk_step" "$mrsk_try" "$mrsk_tries" "$mrsk_field" 2>/dev/null >&4
}

# One attempt: looks until one says yes or never, or its time is over.
watch_for() {
  hundredths
  mrsk_since=$mrsk_time
  mrsk_left=$mrsk_looks
  mrsk_note=
  while :
  do
    stopped && return 143
    "look_$mrsk_look" "$@"
    mrsk_result=$?
    [ "$mrsk_result" = 1 ] || return "$mrsk_result"
    mrsk_left=$((mrsk_left - 1))
    hundredths
    report_poll
    [ "$mrsk_left" -gt 0 ] && [ $((mrsk_time - mrsk_since)) -lt "$mrsk_limit" ] || return 1
    pause "$((mrsk_time - mrsk_begin))"
    nap "$mrsk_pause"
  done
}

# Sets mrsk_pause to the seconds to wait after $1 hundredths of a second. An app notes each request in its log, and this is not to fill the end of it;
# while nothing listens yet, and where docker is asked, only the host's time is saved.
pause() {
  case $mrsk_look$mrsk_code in
  http000 | http) mrsk_pauses='300 0.05 1000 0.2 0.5' ;;
  http* | reach* | running* | ended*) mrsk_pauses='100 0.1 500 0.5 1' ;;
  *) mrsk_pauses='0 0 0 0 0.1' ;;
  esac
  set -- "$1" $mrsk_pauses
  if [ "$1" -lt "$2" ]
  then
    mrsk_pause=$3
  elif [ "$1" -lt "$4" ]
  then
    mrsk_pause=$5
  else
    mrsk_pause=$6
  fi
}

# Compares the image that reference $1 names with registry digest $2.
verify_image() {
  stopped && return 143
  mrsk_text=$(docker image inspect --format '{{range .RepoDigests}}{{.}} {{end}}' "$1" 2>&1 </dev/null)
  if [ "$?" != 0 ]
  then
    printf '%s\n' "$mrsk_text"
    return 1
  fi
  case " $mrsk_text" in
  *"@$2 "*)
    encode "$2"
    mrsk_value=$mrsk_field
    [ "$mrsk_value" != '!' ]
    return
    ;;
  esac
  printf '%s is not the planned image: expected %s, found %s\n' "$1" "$2" "$mrsk_text"
  return 1
}
