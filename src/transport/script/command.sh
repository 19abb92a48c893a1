# Runs commands and hands on what they print. What the runner reads first and last is a line with a mark that nothing that runs here knows.
# Descriptors: 3 is what a command reads, 4 the stream that this script came from, 5 the notes of the command, 6 the answer.

# Runs a command in the place of a shell of its own, once its process id is noted.
perform() (
  exec sh -c 'printf "process %s\n" "$$" >&5; exec "$@" 4<&- 5>&- 6>&-' sh "$@" <&3 2>&1
)

# Runs a command to its end.
prepare() {
  "$@" <&3 2>&1
}

# Prints why grep cannot read the pattern, if it cannot.
read_pattern() {
  [ -n "$mrsk_pattern" ] || return 0
  grep -e "${mrsk_pattern#?}" </dev/null 2>&1
  [ $? -le 1 ]
}

# The main command, with the lines that match alone if there is a pattern.
filtered() {
  case $mrsk_pattern in
  '') mrsk_main >&6 ;;
  *)
    # Not every busybox has the option, and without it what is followed comes in lumps.
    mrsk_buffered=--line-buffered
    printf 'x\n' | grep "$mrsk_buffered" x >/dev/null 2>&1 || mrsk_buffered=
    { mrsk_main; printf 'ended %s\n' "$?" >&5; } | grep $mrsk_buffered -e "${mrsk_pattern#?}" >&6 2>&6
    return 0
    ;;
  esac
  printf 'ended %s\n' "$?" >&5
}

# Ends the process $1 when the runner is gone: then the stream that the script came from ends. A command that takes no notice is
# ended after a while.
watch_runner() {
  while read -r mrsk_word <&4
  do
    :
  done
  kill "$1" && nap 10 && kill -9 "$1"
}

# Reads the notes of the main command, and returns its status.
supervise() {
  mrsk_watcher=
  mrsk_code=1
  while read -r mrsk_word mrsk_value
  do
    case $mrsk_word in
    process)
      watch_runner "$mrsk_value" >/dev/null 2>&1 5>&- 6>&- &
      mrsk_watcher=$!
      ;;
    ended) mrsk_code=$mrsk_value ;;
    esac
  done
  [ -z "$mrsk_watcher" ] || kill "$mrsk_watcher" 2>/dev/null
  return "$mrsk_code"
}

commands() {
  exec 3</dev/null
  printf '@mrsk-%s begin\n' "$mrsk_mark"
  mrsk_part=pattern
  mrsk_said=$(read_pattern)
  mrsk_code=$?
  if [ "$mrsk_code" = 0 ]
  then
    mrsk_part=before
    mrsk_said=$(mrsk_before 4<&-)
    mrsk_code=$?
  fi
  if [ "$mrsk_code" = 0 ]
  then
    mrsk_part=main
    exec 6>&1
    { filtered 5>&1; } | supervise
    mrsk_code=$?
    exec 6>&-
  else
    printf '%s\n' "$mrsk_said"
  fi
  mrsk_after >/dev/null 4<&-
  printf '\n@mrsk-%s %s %s\n' "$mrsk_mark" "$mrsk_part" "$mrsk_code"
}
