# Who waits for the deploy lock: a numbered file for each, which names the run and has the beat of its last try. The lowest number has the
# first turn.
#
# Seconds after which a run that waits counts as gone: it tries every two.
mrsk_patience=15

# Sets mrsk_ticket to the number of this run, empty without one, and mrsk_last to the highest. What waits no more goes.
look_at_queue() {
  mrsk_ticket=
  mrsk_last=0
  for mrsk_entry in "$mrsk_queue"/*
  do
    mrsk_turn=${mrsk_entry##*/}
    case $mrsk_turn in
    *[!0-9]*) continue ;;
    esac
    read_turn "$mrsk_entry"
    if [ "$mrsk_waiting" = "$mrsk_run" ]
    then
      mrsk_ticket=$mrsk_turn
    elif [ "$mrsk_age" -ge "$mrsk_patience" ]
    then
      rm -f "$mrsk_entry"
      continue
    fi
    [ "$mrsk_turn" -le "$mrsk_last" ] || mrsk_last=$mrsk_turn
  done
}

# Sets mrsk_waiting to the run that has the turn $1, and mrsk_age to the seconds since it tried. One that is empty or torn, by a power cut or
# since it is being made, becomes a beat of now.
read_turn() {
  mrsk_waiting=
  mrsk_beat_boot=
  mrsk_beat_at=
  { read -r mrsk_waiting mrsk_beat_boot mrsk_beat_at <"$1"; } 2>/dev/null
  mrsk_age=0
  case $mrsk_beat_at in
  '' | *[!0-9]*) [ ! -f "$1" ] || write_line "$1" "- $mrsk_boot $mrsk_up" ;;
  *) age "$mrsk_beat_boot" "$mrsk_beat_at" ;;
  esac
}

# Notes that this run waits, behind all that do. If there is no room for that, it has no turn to wait for.
join_queue() {
  boot
  uptime
  [ -d "$mrsk_queue" ] || mkdir "$mrsk_queue" 2>/dev/null
  mrsk_tries=0
  until has_turn || [ "$mrsk_tries" -ge "$mrsk_lock_tries" ]
  do
    mrsk_tries=$((mrsk_tries + 1))
  done
}

# Writes the beat of this run's turn, after it took the next one if it has none. Fails if another run took that.
has_turn() {
  look_at_queue
  if [ -n "$mrsk_ticket" ]
  then
    { printf '%s\n' "$mrsk_run $mrsk_boot $mrsk_up" 1<>"$mrsk_queue/$mrsk_ticket"; } 2>/dev/null
    return 0
  fi
  mrsk_ticket=$((mrsk_last + 1))
  # In one open, so that of two one gets it.
  (set -C && printf '%s\n' "$mrsk_run $mrsk_boot $mrsk_up" >"$mrsk_queue/$mrsk_ticket") 2>/dev/null && return 0
  mrsk_ticket=
  return 1
}

# Fails, after it has said so, if other runs that wait for the lock have their turn before this one.
is_our_turn() {
  [ -n "$mrsk_ticket" ] || return 0
  mrsk_ahead=0
  for mrsk_entry in "$mrsk_queue"/*
  do
    mrsk_turn=${mrsk_entry##*/}
    case $mrsk_turn in
    *[!0-9]*) continue ;;
    esac
    [ "$mrsk_turn" -ge "$mrsk_ticket" ] || mrsk_ahead=$((mrsk_ahead + 1))
  done
  [ "$mrsk_ahead" = 0 ] && return 0
  say queued "$mrsk_ahead"
  return 1
}

# This run waits no more.
leave_queue() {
  [ -d "$mrsk_queue" ] || return 0
  boot
  uptime
  look_at_queue
  [ -z "$mrsk_ticket" ] || rm -f "$mrsk_queue/$mrsk_ticket"
  rmdir "$mrsk_queue" 2>/dev/null
  mrsk_ticket=
}
