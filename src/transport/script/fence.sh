# Sets mrsk_serial and mrsk_last to how many plans have begun here, and the last of them; 0 and nothing if there is none. A damaged file is
# as high as its time: it is that of no plan, so that each that was made before is superseded. Sets mrsk_entered to the plan that a run was
# here for last; while no step of it has begun, and it is not finished, the plan before it is the last.
read_serial() {
  mrsk_serial=0
  mrsk_last=
  mrsk_earlier=
  { read -r mrsk_serial mrsk_last mrsk_earlier mrsk_earlier_plan <"$mrsk_base/serial"; } 2>/dev/null
  case $mrsk_serial in
  '' | *[!0-9]*)
    mrsk_last=
    mrsk_earlier=
    mrsk_serial=$(date -r "$mrsk_base/serial" +%s)
    ;;
  esac
  mrsk_entered=$mrsk_last
  case $mrsk_earlier in
  '' | *[!0-9]*) return 0 ;;
  esac
  has_begun "${mrsk_entered#*:}" && return 0
  # An undo may be over without a step, and counts all the same.
  grep -qxF "$mrsk_entered" "$mrsk_base/finished" 2>/dev/null && return 0
  mrsk_serial=$mrsk_earlier
  mrsk_last=${mrsk_earlier_plan#-}
}

# Whether a step of the plan with the digits $1 may have begun here: one was claimed and not refused, or a power cut may have taken its claim.
# What says nothing about itself is the end of a step of another machine that its check judges, such as a build: it changes no host.
has_begun() {
  mrsk_begun_boot=
  { read -r mrsk_rest mrsk_begun_boot <"$mrsk_base/runs/$1/begun"; } 2>/dev/null
  boot
  [ "$mrsk_begun_boot" = "$mrsk_boot" ] && ! [ -e "$mrsk_base/runs/$1/restarted" ] || return 0
  for mrsk_entry in "$mrsk_base/runs/$1"/*/*/claim
  do
    counts "${mrsk_entry%/claim}" && return 0
  done
  return 1
}

# Whether the attempt in directory $1 says what it is, and was not refused. Sets mrsk_receipt to its whole receipt.
counts() {
  [ -e "$1/about" ] || return 1
  receipt "$1" || mrsk_receipt=
  case $mrsk_receipt in
  'refused '*) return 1 ;;
  esac
}

# Sets mrsk_far to how many attempts at steps of the plan with the digits $1 count, and a checksum of when they began and ended: as the probe
# does.
how_far() {
  boot
  mrsk_count=0
  mrsk_checksum=0
  for mrsk_entry in "$mrsk_base/runs/$1"/*/*/claim
  do
    mrsk_dir=${mrsk_entry%/claim}
    counts "$mrsk_dir" || continue
    mrsk_count=$((mrsk_count + 1))
    { read -r mrsk_pid mrsk_begun mrsk_claimed_boot mrsk_rest <"$mrsk_entry"; } 2>/dev/null
    mrsk_ended=${mrsk_receipt#* * * * }
    for mrsk_word in "${mrsk_dir##*/}" "$mrsk_pid" "$mrsk_begun" "${mrsk_ended%% *}"
    do
      mix "$mrsk_word"
    done
    if [ -z "$mrsk_receipt" ] && lives "$mrsk_dir"
    then
      mix 1
    fi
  done
  mrsk_far="$mrsk_count $mrsk_checksum"
}

# Mixes the number $1 into mrsk_checksum. Of a long one the last nine digits count, so that the arithmetic of any shell can hold it.
mix() {
  case $1 in
  '' | *[!0-9]* | 0?*) set -- 0 ;;
  ??????????*) set -- "1${1#"${1%?????????}"}" ;;
  esac
  mrsk_checksum=$(((mrsk_checksum * 31 + $1 % 67108859) % 67108859))
}

# Whether the script of the attempt in directory $1 is alive, or a command that it has started. Its claim is in mrsk_pid, mrsk_begun and
# mrsk_claimed_boot.
lives() {
  [ "$mrsk_boot" = "$mrsk_claimed_boot" ] || return 1
  process "$mrsk_pid" && [ "$mrsk_start" = "$mrsk_begun" ] && return 0
  for mrsk_sessions in "$1/sessions" "$1/sessions.cleanup"
  do
    [ -r "$mrsk_sessions" ] || continue
    while read -r mrsk_pid mrsk_begun
    do
      process "$mrsk_pid" && [ "$mrsk_start" = "$mrsk_begun" ] && return 0
    done <"$mrsk_sessions"
  done
  return 1
}

# Leaves these directories to their owner. One with the sticky bit is meant for all users.
tighten() {
  for mrsk_entry in "$@"
  do
    shift
    [ -k "$mrsk_entry" ] || set -- "$@" "$mrsk_entry"
  done
  [ "$#" = 0 ] || mrsk_error=$(chmod go-rwx "$@" 2>&1) || die "cannot set the mode of $*: $mrsk_error"
}

# Whether the last plan is not as far any more as it was seen.
has_gone_on() {
  [ -n "$mrsk_seen_far" ] || return 1
  how_far "${mrsk_last#*:}"
  [ "$mrsk_last $mrsk_far" != "$mrsk_seen_far" ]
}

superseded() {
  say superseded "$mrsk_serial" "${mrsk_last:--}"
}

# Whether another plan has begun since the serial was mrsk_judged, or the last one has gone on. Says so.
is_overtaken() {
  if [ "$mrsk_serial" != "$mrsk_judged" ]
  then
    superseded
  elif has_gone_on
  then
    say went_on "${mrsk_last:--}" "$mrsk_far"
  else
    return 1
  fi
}

# Writes fence and serial with two syncs, since each may wait for all that others write to the disk. The plan that was here last may have begun
# nothing, or may be half applied: whether it is still as far as it was seen is looked at behind the fence, from where on it stays so.
fence() {
  make "$mrsk_runs"
  tighten "${mrsk_base%/*}" "$mrsk_base"
  read_serial
  mrsk_new_serial=
  if [ "$mrsk_entered" != "$mrsk_plan" ] && [ "$mrsk_last" = "$mrsk_plan" ]
  then
    mrsk_new_serial="$mrsk_serial $mrsk_plan"
  elif [ "$mrsk_entered" != "$mrsk_plan" ]
  then
    if [ "$mrsk_serial" != "$mrsk_seen" ]
    then
      superseded
      return 0
    fi
    mrsk_new_serial="$((mrsk_serial + 1)) $mrsk_plan $mrsk_serial ${mrsk_last:--}"
  fi
  boot
  if has_restarted
  then
    put "$mrsk_runs/restarted" "$mrsk_boot" || die "$mrsk_error"
  fi
  mrsk_way=write_line
  ! [ -e "$mrsk_runs/begun" ] || mrsk_way=put
  "$mrsk_way" "$mrsk_runs/begun" "$mrsk_run $mrsk_boot" || die "$mrsk_error"
  prepare "$mrsk_base/fence" "$mrsk_run" || die "$mrsk_error"
  if [ -n "$mrsk_new_serial" ]
  then
    prepare "$mrsk_base/serial" "$mrsk_new_serial" || die "$mrsk_error"
    # What holds the first one is new, too.
    [ -e "$mrsk_base/serial" ] || sync_to_disk "${mrsk_base%/*}" "${mrsk_base%/*/*}/" || die "$mrsk_error"
    sync_to_disk "$mrsk_base/serial.kept.$$" "$mrsk_base/fence.kept.$$" && give_name "$mrsk_base/fence" || die "$mrsk_error"
    mrsk_judged=$mrsk_serial
    read_serial
    if is_overtaken
    then
      rm -f "$mrsk_base/serial.kept.$$"
      return 0
    fi
    give_name "$mrsk_base/serial" || die "$mrsk_error"
  else
    sync_to_disk "$mrsk_base/fence.kept.$$" && give_name "$mrsk_base/fence" || die "$mrsk_error"
  fi
  sync_to_disk "$mrsk_runs" "$mrsk_base/runs" "$mrsk_base" || die "$mrsk_error"
  sweep_logins
  catch_up
  say fenced
  list
  others
}
