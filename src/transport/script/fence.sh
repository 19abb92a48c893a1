# Sets mrsk_serial and mrsk_last to what the serial file holds; 0 and nothing if there is none. One that is damaged is as high as its time:
# it is that of no plan, so that each that was made before is superseded.
read_serial() {
  mrsk_serial=0
  mrsk_last=
  { read -r mrsk_serial mrsk_last <"$mrsk_base/serial"; } 2>/dev/null
  case $mrsk_serial in
  '' | *[!0-9]*)
    mrsk_last=
    mrsk_serial=$(date -r "$mrsk_base/serial" +%s)
    ;;
  esac
}

# Leaves directory $1 to its owner. One with the sticky bit is meant for all users.
tighten() {
  [ -k "$1" ] || mrsk_error=$(chmod go-rwx "$1" 2>&1) || die "cannot set the mode of $1: $mrsk_error"
}

# Writes serial and fence with two syncs, since each may wait for all that others write to the disk.
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
    prepare "$mrsk_base/serial" "$((mrsk_serial + 1)) $mrsk_plan" || die "$mrsk_error"
  fi
  boot
  if has_restarted
  then
    put "$mrsk_runs/restarted" "$mrsk_boot" || die "$mrsk_error"
  fi
  put "$mrsk_runs/begun" "$mrsk_run $mrsk_boot" || die "$mrsk_error"
  prepare "$mrsk_base/fence" "$mrsk_run" || die "$mrsk_error"
  if [ -e "$mrsk_base/serial.kept.$$" ]
  then
    sync_to_disk "$mrsk_base/serial.kept.$$" "$mrsk_base/fence.kept.$$" && give_name "$mrsk_base/serial" || die "$mrsk_error"
  else
    sync_to_disk "$mrsk_base/fence.kept.$$" || die "$mrsk_error"
  fi
  give_name "$mrsk_base/fence" && sync_to_disk "$mrsk_base" || die "$mrsk_error"
  sweep_logins
  catch_up
  say fenced
  list
  others
}
