# Runs container $1 to its end: starts it if it was never started, prints its log, and returns its exit status. It goes on without this
# script, and is never started twice. While docker does not answer, it is asked again.
complete() {
  mrsk_followed=
  while :
  do
    stopped && return 143
    mrsk_text=$(docker inspect --type container --format '{{.State.Status}} {{.State.ExitCode}}' "$1" 2>&1 </dev/null 4>&-)
    mrsk_asked=$?
    case $mrsk_asked$mrsk_text in
    '0created '*) spawn docker start "$1" || return 1 ;;
    '0exited '* | '0dead '*) break ;;
    0*) follow "$1" ;;
    *[Nn]'o such'*)
      printf '%s\n' "$mrsk_text"
      return 1
      ;;
    *) nap 1 ;;
    esac
  done
  [ -n "$mrsk_followed" ] || spawn docker logs "$1"
  mrsk_code=${mrsk_text#* }
  case $mrsk_code in
  0) return 0 ;;
  [1-9] | [1-9][0-9] | [1-9][0-9][0-9]) ;;
  *) mrsk_code=1 ;;
  esac
  printf 'container %s has exited with status %s\n' "$1" "${mrsk_text#* }"
  return "$mrsk_code"
}

# Prints the log of container $1 while it runs, once; not every log driver can. Then waits a little.
follow() {
  if [ -n "$mrsk_followed" ]
  then
    nap 0.5
    return
  fi
  mrsk_followed=1
  spawn docker logs --follow "$1"
}
