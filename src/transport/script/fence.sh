# Sets mrsk_serial and mrsk_last to what the serial file holds; 0 and nothing if there is none.
read_serial() {
  mrsk_serial=0
  mrsk_last=
  { read -r mrsk_serial mrsk_last <"$mrsk_base/serial"; } 2>/dev/null
  case $mrsk_serial in
  '' | *[!0-9]*) die "$mrsk_base/serial is damaged" ;;
  esac
}

# Leaves directory $1 to its owner. One with the sticky bit is meant for all users.
tighten() {
  [ -k "$1" ] || mrsk_error=$(chmod go-rwx "$1" 2>&1) || die "cannot set the mode of $1: $mrsk_error"
}

fence() {
  make "$mrsk_runs"
  tighten "${mrsk_base%/*}"
  tighten "$mrsk_base"
  read_serial
  if [ "$mrsk_last" != "$mrsk_plan" ]
  then
    if [ "$mrsk_serial" != "$mrsk_seen" ]
    then
      say superseded "$mrsk_serial" "${mrsk_last:--}"
      return 0
    fi
    put "$mrsk_base/serial" "$((mrsk_serial + 1)) $mrsk_plan" || die "$mrsk_error"
  fi
  put "$mrsk_runs/begun" "$mrsk_run" || die "$mrsk_error"
  put "$mrsk_base/fence" "$mrsk_run" || die "$mrsk_error"
  sweep_logins
  catch_up
  say fenced
  list
  others
}
