# Tries to take a lock, 0.2 s apart: all of them, and those after which a take-over that does not go on is taken over itself.
mrsk_lock_tries=12
mrsk_patient_tries=10
# Looks, 0.2 s apart, at whether a take-over is the last one.
mrsk_last_looks=15

# Reads the details of mrsk_own into mrsk_text, and of its lines mrsk_holder, mrsk_generation and mrsk_plan_in_lock.
read_details() {
  decode_file "$mrsk_own/details"
  mrsk_holder=
  mrsk_plan_in_lock=
  mrsk_generation=1
  mrsk_ifs=$IFS
  IFS=$mrsk_nl
  set -f
  for mrsk_line in $mrsk_text
  do
    case $mrsk_line in
    'Run: '*) mrsk_holder=${mrsk_line#'Run: '} ;;
    'Generation: '*) mrsk_generation=${mrsk_line#'Generation: '} ;;
    'Plan: '*) mrsk_plan_in_lock=${mrsk_line#'Plan: '} ;;
    esac
  done
  set +f
  IFS=$mrsk_ifs
  [ -n "$mrsk_text" ]
}

# Sets mrsk_top to the highest generation that was claimed.
highest() {
  mrsk_top=1
  for mrsk_entry in "$mrsk_own"/gen.*
  do
    mrsk_number=${mrsk_entry##*.}
    case $mrsk_number in
    '' | *[!0-9]*) continue ;;
    esac
    [ "$mrsk_number" -gt "$mrsk_top" ] && mrsk_top=$mrsk_number
  done
  return 0
}

# Sets mrsk_age to the seconds since $2, which is an uptime of the boot $1: after a restart, at least those since the restart. Also where
# the boot has kept its name, as that of a guest may.
age() {
  mrsk_age=$((mrsk_up - $2))
  [ "$1" = "$mrsk_boot" ] && [ "$mrsk_age" -ge 0 ] || mrsk_age=$mrsk_up
}

# Sets mrsk_age to the seconds since the last beat. One that is missing, empty or torn (after a kill or a power cut: it is never synced, since a
# busy disk must not look like death) becomes a beat of now: whoever is alive writes the next one. A lock by hand has none.
beat_age() {
  mrsk_age=0
  mrsk_beat_boot=
  mrsk_beat_at=
  { read -r mrsk_beat_boot mrsk_beat_at <"$mrsk_own/beat"; } 2>/dev/null
  boot
  uptime
  case $mrsk_beat_at in
  '' | *[!0-9]*)
    [ -d "$mrsk_own" ] && { [ -n "$mrsk_holder" ] || [ -z "$mrsk_text" ]; } || return 1
    put "$mrsk_own/beat" "$mrsk_boot $mrsk_up"
    return 1
    ;;
  esac
  age "$mrsk_beat_boot" "$mrsk_beat_at"
}

# Sets mrsk_field to the details of generation $1 as they stand in the file.
details() {
  encode "$mrsk_before$1$mrsk_after"
}

# Says what follows, and then what stands in the lock.
say_text() {
  encode "$mrsk_text"
  say "$@" "$mrsk_field"
}

held() {
  say_text held "$mrsk_age"
}

# Writes a beat of now into the file that is there: a full disk has room for that. No longer than the old one, but for a digit.
overwrite_beat() {
  [ -f "$mrsk_own/beat" ] && { printf '%s\n' "$mrsk_boot $mrsk_up" 1<>"$mrsk_own/beat"; } 2>/dev/null
}

write_beat() {
  overwrite_beat || put "$mrsk_own/beat" "$mrsk_boot $mrsk_up"
}

# Takes the lock of a holder whose beat has stopped. Fails where another was faster. Of two that claimed one after the other, the
# later sees what the earlier wrote, or the earlier sees that the later stays: never do both go on.
take_over() {
  mrsk_judged=$mrsk_text
  mrsk_next=$((mrsk_top + 1))
  mkdir "$mrsk_own/gen.$mrsk_next" 2>/dev/null || return 1
  read_details
  beat_age
  highest
  if [ "$mrsk_text" != "$mrsk_judged" ] || [ "$mrsk_age" -lt "$mrsk_limit" ] || [ "$mrsk_top" != "$mrsk_next" ]
  then
    rmdir "$mrsk_own/gen.$mrsk_next"
    held
    return 0
  fi
  details "$mrsk_next"
  keep "$mrsk_own/details" "$mrsk_field" && write_beat || die "$mrsk_error"
  mrsk_round=0
  highest
  while [ "$mrsk_top" != "$mrsk_next" ] && [ "$mrsk_round" -lt "$mrsk_last_looks" ]
  do
    nap 0.2
    mrsk_round=$((mrsk_round + 1))
    highest
  done
  read_details
  if [ "$mrsk_top" = "$mrsk_next" ] && [ "$mrsk_holder" = "$mrsk_run" ]
  then
    announce_in_turn
    encode "$mrsk_judged"
    read_person "$mrsk_field"
    acquired "$mrsk_next" "$mrsk_persons$mrsk_open"
  else
    beat_age
    held
  fi
}

# A run of this plan has left the lock to a person: the next one of it goes on. Fails if it is worth another try.
take_back() {
  take_whole || die "$mrsk_error"
  look_at_whole
  read_details
  if [ "$mrsk_whole" != ours ] || [ -n "$mrsk_holder" ] || [ "$mrsk_plan_in_lock" != "$mrsk_locked_plan" ]
  then
    end_turn
    return 1
  fi
  highest
  encode "$mrsk_text"
  mrsk_persons=$mrsk_field
  put "$mrsk_own/person" "$mrsk_persons" || die "$mrsk_error"
  details "$mrsk_top"
  write_beat && keep "$mrsk_own/details" "$mrsk_field" && announce || die "$mrsk_error"
  end_turn
  acquired "$mrsk_top" "$mrsk_persons"
}

# Sets mrsk_persons to the details of the person whose lock this was before a run took it back; to $1 if it was nobody's.
read_person() {
  mrsk_persons=
  { read -r mrsk_persons <"$mrsk_own/person"; } 2>/dev/null
  mrsk_persons=${mrsk_persons:-$1}
}

# Writes the details of the lock anew if its run knows more of itself than when it took it, such as its plan. Fails if somebody took the lock
# over meanwhile.
tell_more() {
  [ "$mrsk_text" = "$mrsk_before$mrsk_generation${mrsk_after%"$mrsk_nl"}" ] && return 0
  details "$mrsk_generation"
  keep "$mrsk_own/details" "$mrsk_field" || die "$mrsk_error"
  announce_in_turn
  highest
  [ "$mrsk_top" -le "$mrsk_generation" ]
}

# One try; fails if it is worth another.
lock_once() {
  boot
  uptime
  look_at_whole
  if [ "$mrsk_whole" = foreign ]
  then
    say_text foreign
    return 0
  fi
  if ! [ -d "$mrsk_own" ]
  then
    ! is_our_turn || begin_in_turn
    return
  fi
  if ! read_details
  then
    # A kill or a power cut may have come between the directory and its details.
    beat_age && [ "$mrsk_age" -ge "$mrsk_limit" ] || return 1
    mrsk_open=
    highest
    ! is_our_turn || take_over
    return
  fi
  if [ -z "$mrsk_holder" ] && [ "$mrsk_plan_in_lock" = "$mrsk_locked_plan" ]
  then
    take_back
    return
  fi
  if [ -z "$mrsk_holder" ]
  then
    say_text foreign
    return 0
  fi
  highest
  if [ "$mrsk_holder" = "$mrsk_run" ] && [ "$mrsk_top" -le "$mrsk_generation" ]
  then
    write_beat || die "$mrsk_error"
    tell_more || return 1
    read_person -
    acquired "$mrsk_generation" "$mrsk_persons"
    return 0
  fi
  [ "$mrsk_top" -le "$mrsk_generation" ] || [ "$mrsk_tries" -ge "$mrsk_patient_tries" ] || return 1
  beat_age
  if [ "$mrsk_age" -lt "$mrsk_limit" ]
  then
    held
    return 0
  fi
  # A run of the same plan judges them step by step.
  if has_open && [ "$mrsk_take_over" != always ] && [ "$mrsk_plan_in_lock" != "$mrsk_locked_plan" ]
  then
    encode "$mrsk_text"
    say open "$mrsk_age" "$mrsk_field$mrsk_open"
    return 0
  fi
  ! is_our_turn || take_over
}

# Sets mrsk_ready to a new directory beside the lock, which goes at the end. Those whose process is gone go now. If there is no
# room for it, mrsk_ready is empty, and mrsk_error says why.
make_ready() {
  for mrsk_entry in .mrsk_lock.[0-9]*
  do
    mrsk_pid=${mrsk_entry#.mrsk_lock.}
    [ -e "$mrsk_entry" ] && ! process "${mrsk_pid%%.*}" && rm -rf "$mrsk_entry"
  done
  if mrsk_ready=$(mktemp -d ".mrsk_lock.$$.XXXXXXXXXX" 2>&1)
  then
    trap 'rm -rf "$mrsk_ready"' EXIT
    return 0
  fi
  mrsk_error="cannot create a directory in $PWD: $mrsk_ready"
  mrsk_ready=
  return 1
}

# Sets mrsk_text to what stands in the way of a lock that could not be taken.
tell_what_is_in_the_way() {
  look_at_whole
  case $mrsk_whole in
  foreign | unclear) return 0 ;;
  esac
  kamal_has_locked || read_details
}

# Prepares what a new lock has beside it. The details are on the disk before they are moved into it.
prepare_lock() {
  make_ready || die "$mrsk_error"
  mrsk_first=$mrsk_before
  if [ "$mrsk_run" != - ]
  then
    mrsk_first=${mrsk_before}1$mrsk_after
    write_line "$mrsk_ready/beat" "$mrsk_boot $mrsk_up" || die "$mrsk_error"
  fi
  encode "$mrsk_first"
  write_line "$mrsk_ready/details" "$mrsk_field" || die "$mrsk_error"
  sync_to_disk "$mrsk_ready/details" || die "$mrsk_error"
  mrsk_whole_text=
  add_entry "$mrsk_scope" "${mrsk_first%"$mrsk_nl"}"
  encode "$mrsk_whole_text"
  write_line "$mrsk_ready/whole" "$mrsk_field" || die "$mrsk_error"
}

# As `lock`, behind the runs that wait for it already.
lock_in_turn() {
  join_queue
  lock
}

# The lock is ours, with these words about it.
acquired() {
  leave_queue
  say acquired "$@"
}

lock() {
  mrsk_ready=
  mrsk_tries=0
  until lock_once
  do
    mrsk_tries=$((mrsk_tries + 1))
    if [ "$mrsk_tries" -gt "$mrsk_lock_tries" ]
    then
      tell_what_is_in_the_way
      say_text foreign
      return 0
    fi
    nap 0.2
  done
}

# The lock is not ours any more. Who released it by hand, if a person did.
lost() {
  mrsk_released_run=
  mrsk_released_by=
  { read -r mrsk_released_run mrsk_released_by <".mrsk_lock.released.$mrsk_scope"; } 2>/dev/null
  if [ "$mrsk_released_run" = "$mrsk_run" ]
  then
    say released "$mrsk_released_by"
  else
    say lost
  fi
}

# The lock is ours. Who asks its run to stop, and why, if anybody does.
say_held() {
  mrsk_stop_run=
  mrsk_request=
  { read -r mrsk_stop_run mrsk_request <"$mrsk_own/stop"; } 2>/dev/null
  [ "$mrsk_stop_run" = "$mrsk_run" ] || mrsk_request=
  say held${mrsk_request:+ "$mrsk_request"}
}

beat() {
  look_at_whole
  read_details
  highest
  if [ "$mrsk_whole" = foreign ] || [ "$mrsk_holder" != "$mrsk_run" ] || [ "$mrsk_top" -gt "$mrsk_generation" ]
  then
    lost
    return 0
  fi
  boot
  uptime
  write_beat && say_held && return 0
  [ -d "$mrsk_own" ] && die "$mrsk_error"
  lost
}

release() {
  leave_queue
  if ! [ -d "$mrsk_own" ]
  then
    say not_held
    return 0
  fi
  read_details
  highest
  if [ "$mrsk_holder" != "$mrsk_run" ] || [ "$mrsk_top" -gt "$mrsk_generation" ]
  then
    say not_ours
    return 0
  fi
  mrsk_next=$((mrsk_top + 1))
  mrsk_error=$(mkdir "$mrsk_own/gen.$mrsk_next" 2>&1)
  mrsk_status=$?
  make_ready
  take_whole
  look_at_whole
  read_details
  highest
  if [ "$mrsk_status" != 0 ] && [ "$mrsk_top" -lt "$mrsk_next" ] && [ -d "$mrsk_own" ]
  then
    # Without room for a directory nobody can take the lock over; should there be room in a moment, nobody may while the beat is fresh.
    mrsk_next=$mrsk_top
    beat_age
    [ "$mrsk_age" -lt "$mrsk_limit" ] || die "cannot write mrsk_lock in $PWD: $mrsk_error"
  elif [ "$mrsk_status" != 0 ]
  then
    mrsk_holder=
  fi
  if [ "$mrsk_holder" != "$mrsk_run" ] || [ "$mrsk_top" != "$mrsk_next" ]
  then
    [ -z "$mrsk_mine" ] || end_turn
    say not_ours
    return 0
  fi
  discard || die "cannot remove $mrsk_own in $PWD: $mrsk_error"
  say released
}

# Makes our lock a person's. The next generation is claimed first, as by a release, so that nobody takes it over meanwhile.
leave() {
  read_details
  if [ "$mrsk_text" = "$mrsk_left" ]
  then
    say left
    return 0
  fi
  highest
  mrsk_next=$((mrsk_top + 1))
  if [ "$mrsk_holder" != "$mrsk_run" ] || [ "$mrsk_top" -gt "$mrsk_generation" ]
  then
    say not_ours
    return 0
  fi
  mrsk_error=$(mkdir "$mrsk_own/gen.$mrsk_next" 2>&1) || ! [ -d "$mrsk_own" ] || die "cannot write $mrsk_own in $PWD: $mrsk_error"
  take_whole || die "$mrsk_error"
  look_at_whole
  read_details
  highest
  if [ "$mrsk_whole" != ours ] || [ "$mrsk_holder" != "$mrsk_run" ] || [ "$mrsk_top" != "$mrsk_next" ]
  then
    end_turn
    say not_ours
    return 0
  fi
  encode "$mrsk_left"
  keep "$mrsk_own/details" "$mrsk_field" || die "$mrsk_error"
  rm -f "$mrsk_own/beat" "$mrsk_own/stop" "$mrsk_own/person"
  announce
  end_turn
  say left
}

# Releases the lock of somebody else, and leaves a note for the run that held it.
release_any() {
  look_at_whole
  case $mrsk_whole in
  none) ;;
  ours) read_details ;;
  *) mrsk_holder= ;;
  esac
  if [ "$mrsk_whole" = none ] || { [ "$mrsk_whole" = ours ] && ! [ -d "$mrsk_own" ]; }
  then
    say not_held
    return 0
  fi
  make_ready || [ -z "$mrsk_holder" ] || die "$mrsk_error"
  if [ -n "$mrsk_holder" ]
  then
    put "$mrsk_ready/note" "$mrsk_holder $mrsk_person" || die "$mrsk_error"
    mrsk_note=.mrsk_lock.released.$mrsk_scope
    mrsk_error=$(mv -f "$mrsk_ready/note" "$mrsk_note" 2>&1) || die "cannot write $mrsk_note in $PWD: $mrsk_error"
  fi
  take_whole
  look_at_whole
  discard || die "cannot remove mrsk_lock in $PWD: $mrsk_error"
  say released
}

# Releases the lock of somebody else, unless its holder is alive: that is a run whose beat is fresh.
release_silent() {
  if read_details && [ -n "$mrsk_holder" ] && beat_age && [ "$mrsk_age" -lt "$mrsk_limit" ]
  then
    held
    return 0
  fi
  release_any
}

# The answer about a lock that has no beat.
held_by_hand() {
  say_text "$@"
}

lock_status() {
  look_at_whole
  case $mrsk_whole in
  foreign | unclear)
    held_by_hand held -
    return 0
    ;;
  esac
  if ! [ -d "$mrsk_own" ]
  then
    kamal_has_locked && held_by_hand held - || say free
    return 0
  fi
  read_details
  if beat_age
  then
    held
  else
    held_by_hand held -
  fi
}

# Leaves a note in the lock for the run that holds it. It goes with the lock, and tells no other run anything.
request_stop() {
  look_at_whole
  if [ "$mrsk_whole" = none ] || { [ "$mrsk_whole" = ours ] && ! [ -d "$mrsk_own" ]; }
  then
    kamal_has_locked && held_by_hand held - || say free
    return 0
  fi
  [ "$mrsk_whole" != ours ] || read_details
  if [ "$mrsk_whole" != ours ] || [ -z "$mrsk_holder" ]
  then
    held_by_hand held -
    return 0
  fi
  if beat_age && [ "$mrsk_age" -ge "$mrsk_limit" ]
  then
    held
    return 0
  fi
  make_ready || die "$mrsk_error"
  put "$mrsk_ready/stop" "$mrsk_holder $mrsk_request" || die "$mrsk_error"
  if mrsk_error=$(mv -f "$mrsk_ready/stop" "$mrsk_own/stop" 2>&1)
  then
    say_text requested "$mrsk_age"
  elif [ -d "$mrsk_own" ]
  then
    die "cannot write $mrsk_own/stop in $PWD: $mrsk_error"
  else
    say free
  fi
}

# A lock that no run holds: nobody takes it over, and it has no beat.
lock_by_hand() {
  boot
  uptime
  prepare_lock
  [ -d "$mrsk_own" ] || ! begin_in_turn || return 0
  tell_what_is_in_the_way
  if [ "$mrsk_whole" = ours ] && [ -n "$mrsk_holder" ]
  then
    beat_age
    held
  else
    held_by_hand foreign
  fi
}
