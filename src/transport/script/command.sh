# Runs commands and hands on what they print. What the runner reads first and last is a line with a mark that nothing that runs here knows.
# Descriptors: 3 is what a command reads, 4 the stream that this script came from, 5 the notes of the command, 6 the answer.

# Runs a command in the place of this shell, once its process id is noted.
perform() {
  exec sh -c 'printf "process %s\n" "$$" >&5; exec "$@" 4<&- 5>&- 6>&-' sh "$@" <&3 2>&1
}

# Runs a command to its end.
prepare() {
  "$@" <&3 2>&1
}

# The main command, with the lines that match alone if there is a pattern.
filtered() {
  case $mrsk_pattern in
  '') mrsk_main >&6 ;;
  *)
    { mrsk_main; printf 'ended %s\n' "$?" >&5; } | grep --line-buffered -e "${mrsk_pattern#?}" >&6 2>&6
    return 0
    ;;
  esac
  printf 'ended %s\n' "$?" >&5
}

# Ends the process $1 when the runner is gone: then the stream that the script came from ends.
watch_runner() {
  while read -r mrsk_word <&4
  do
    :
  done
  kill "$1" 2>/dev/null
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
  mrsk_part=before
  mrsk_said=$(mrsk_before 4<&-)
  mrsk_code=$?
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
