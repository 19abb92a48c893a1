# Hundredths of a second in which an answer that is worse than before the switch may become as good.
mrsk_reach_limit=300

# An answer is a status, `404T` for Traefik's own 404, `000` for none, or `-` if nobody could ask. What requests follow are each
# a port, a path and a host.

# Sets mrsk_answers to the answers of container $1 to the requests that follow.
answers() {
  see "$1"
  shift
  mrsk_answers=
  while [ "$#" -gt 0 ]
  do
    answer "$1" "$2" "$3"
    mrsk_answers="$mrsk_answers $mrsk_answer"
    shift 3
  done
}

# Sets mrsk_answer to that of the container, as it was inspected. An app in Go answers an unknown path as Traefik does.
answer() {
  mrsk_answer=-
  [ "$mrsk_is" = unknown ] && return 0
  mrsk_answer=000
  [ "$mrsk_is" = running ] && [ -n "$mrsk_address" ] || return 0
  get "$1" "$2" "$3"
  mrsk_answer=$mrsk_code
  [ "$mrsk_code" = 404 ] || return 0
  has_header '[Cc]ontent-[Tt]ype' 'text/plain; charset=utf-8' && has_header '[Xx]-[Cc]ontent-[Tt]ype-[Oo]ptions' nosniff &&
    has_header '[Cc]ontent-[Ll]ength' 19 && mrsk_answer=404T
  return 0
}

# Whether answer $1 is one of the app, or of a middleware before it.
reached() {
  case $1 in
  '' | - | 000 | 404T | 50[234]) return 1 ;;
  esac
}

# Sets mrsk_said to answer $1 in words.
in_words() {
  case $1 in
  000) mrsk_said=nothing ;;
  404T) mrsk_said='404 of Traefik' ;;
  *) mrsk_said=$1 ;;
  esac
}

# Begins to ask what is answered before the switch, of container $1. The attempt does not end before that is known.
ask_before() {
  stopped && return 143
  see "$1"
  keep_before "$@" 4>&- &
  mrsk_asking=$!
}

# Waits for the answers of `ask_before`.
asked_before() {
  [ -z "$mrsk_asking" ] || wait "$mrsk_asking"
  mrsk_asking=
}

# Keeps the answers of container $1. A good one of an earlier attempt stays: requests may have been switched since.
keep_before() {
  answers "$@"
  stopped && return 143
  mrsk_kept=
  mrsk_old=
  { read -r mrsk_old <"$mrsk_runs/$mrsk_step/before"; } 2>/dev/null
  set -- $mrsk_answers
  for mrsk_word in $mrsk_old
  do
    reached "$mrsk_word" || mrsk_word=$1
    mrsk_kept="$mrsk_kept $mrsk_word"
    shift
  done
  forget_after "$mrsk_step"
  mrsk_way=write_line
  ! [ -e "$mrsk_runs/$mrsk_step/before" ] || mrsk_way=put
  "$mrsk_way" "$mrsk_runs/$mrsk_step/before" "${mrsk_kept:-$mrsk_answers}"
}

# Forgets that what is answered was compared with what step $1 has kept.
forget_after() {
  ! [ -e "$mrsk_runs/$1/after" ] || rm -f "$mrsk_runs/$1/after"
}

# Compares what is answered now with what step $1 has kept; the container and the requests follow.
ask_after() {
  stopped && return 143
  forget_after "$1"
  compare "$@"
}

# The same, unless that was done.
ask_unasked() {
  stopped && return 143
  [ -e "$mrsk_runs/$1/after" ] || compare "$@"
}

compare() {
  mrsk_kept=$mrsk_runs/$1
  shift
  mrsk_before=
  { read -r mrsk_before <"$mrsk_kept/before"; } 2>/dev/null
  mrsk_look=reach
  mrsk_looks=$mrsk_reach_limit
  mrsk_limit=$mrsk_reach_limit
  mrsk_try=1
  mrsk_tries=1
  mrsk_code=
  mrsk_reported=
  hundredths
  mrsk_begin=$mrsk_time
  mrsk_report_from=$mrsk_time
  watch_for "$@"
  mrsk_result=$?
  [ "$mrsk_result" = 143 ] && return 143
  encode "$mrsk_seen"
  mrsk_value=$mrsk_field
  if [ "$mrsk_result" = 0 ]
  then
    write_line "$mrsk_kept/after" "$mrsk_answers"
    return 0
  fi
  printf '%s\n' "$mrsk_seen"
  return 1
}

# Says yes unless an answer is worse than before the switch. Sets mrsk_seen to all of them in words.
look_reach() {
  answers "$@"
  shift
  unknown && mrsk_seen=$mrsk_text && return 1
  mrsk_verdict=0
  mrsk_seen=
  mrsk_others="$mrsk_before "
  for mrsk_answer in $mrsk_answers
  do
    mrsk_was=${mrsk_others%% *}
    mrsk_others=${mrsk_others#* }
    in_words "$mrsk_answer"
    mrsk_port=:$1
    [ "$1" = 80 ] && mrsk_port=
    mrsk_line="$3$mrsk_port$2 answered $mrsk_said"
    case $mrsk_was in
    "$mrsk_answer" | '' | -) ;;
    *)
      in_words "$mrsk_was"
      mrsk_line="$mrsk_line after the switch, $mrsk_said before"
      ;;
    esac
    reached "$mrsk_was" && ! reached "$mrsk_answer" && mrsk_verdict=1
    mrsk_seen="$mrsk_seen${mrsk_seen:+; }$mrsk_line"
    shift 3
  done
  note "$mrsk_seen"
  return "$mrsk_verdict"
}
