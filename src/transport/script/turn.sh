# Turns at what several scripts of this host change: numbered files in the directory mrsk_turns, taken by `ln`. Whether it is worth waiting
# on, `gives_up` tells.

# Sets mrsk_last to the highest turn, and tells whether its holder is gone.
turn_is_free() {
  mrsk_last=0
  for mrsk_entry in "$mrsk_turns"/*
  do
    mrsk_turn=${mrsk_entry##*/}
    case $mrsk_turn in
    *[!0-9]*) continue ;;
    esac
    [ "$mrsk_turn" -gt "$mrsk_last" ] && mrsk_last=$mrsk_turn
  done
  [ "$mrsk_last" = 0 ] && return 0
  mrsk_pid=
  { read -r mrsk_pid mrsk_begun mrsk_claimed_boot <"$mrsk_turns/$mrsk_last"; } 2>/dev/null
  if [ -z "$mrsk_pid" ]
  then
    # Gone since, or left empty by a power cut.
    [ -e "$mrsk_turns/$mrsk_last" ]
    return
  fi
  [ "$mrsk_pid" = free ] && return 0
  [ "$mrsk_claimed_boot" = "$mrsk_boot" ] || return 0
  process "$mrsk_pid" && [ "$mrsk_start" = "$mrsk_begun" ] && return 1
  return 0
}

# Takes the next turn. Turns only go up and the highest stays, so that of two who see the same dead holder one gets on. If it fails, and not
# since it gave up, mrsk_error says why.
take_turn() {
  [ -d "$mrsk_turns" ] || mrsk_error=$(mkdir -p "$mrsk_turns" 2>&1) || return 1
  boot
  process "$$"
  # Removed first: a script of the same process id may have left it, and its turn is the same file.
  ! [ -e "$mrsk_turns/new.$$" ] || rm -f "$mrsk_turns/new.$$"
  write_line "$mrsk_turns/new.$$" "$$ $mrsk_start $mrsk_boot" || return 1
  until turn_is_free && ln "$mrsk_turns/new.$$" "$mrsk_turns/$((mrsk_last + 1))" 2>/dev/null
  do
    if gives_up
    then
      rm -f "$mrsk_turns/new.$$"
      return 1
    fi
    nap 0.2
  done
  mrsk_mine=$((mrsk_last + 1))
  turn_is_free
  if [ "$mrsk_last" != "$mrsk_mine" ]
  then
    rm -f "$mrsk_turns/new.$$" "$mrsk_turns/$mrsk_mine"
    take_turn
    return
  fi
  set -- "$mrsk_turns/new.$$"
  for mrsk_entry in "$mrsk_turns"/*
  do
    mrsk_turn=${mrsk_entry##*/}
    case $mrsk_turn in
    *[!0-9]*) continue ;;
    esac
    [ "$mrsk_turn" -ge "$mrsk_mine" ] || set -- "$@" "$mrsk_entry"
  done
  rm -f "$@"
  return 0
}

# An empty file is free, too.
end_turn() {
  write_line "$mrsk_turns/$mrsk_mine" free
}
