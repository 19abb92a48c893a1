# The directory mrsk_lock as a whole. It is there while a service and destination is locked, and then the original tool's `mkdir mrsk_lock`
# fails; in it each has a directory of its own. What comes and goes in it does so under a turn, which one script has at a time.
mrsk_turns=.mrsk_lock.turns
# Looks, 0.2 s apart, at whether the turn is free: it is taken for a moment.
mrsk_turn_looks=25

gives_up() {
  mrsk_looks=$((mrsk_looks + 1))
  [ "$mrsk_looks" -gt "$mrsk_turn_looks" ]
}

# Takes the turn at mrsk_lock.
take_whole() {
  mrsk_looks=0
  take_turn && return 0
  mrsk_mine=
  [ -n "$mrsk_error" ] || mrsk_error="process $mrsk_pid of another run is changing mrsk_lock in $PWD, and does not get on: end it"
  return 1
}

# Sets mrsk_whole to who has mrsk_lock: none, ours, foreign, or unclear if nobody has written who. The text of a foreign lock is in mrsk_text.
look_at_whole() {
  mrsk_whole=unclear
  mrsk_text=
  mrsk_line=
  { read -r mrsk_line <mrsk_lock/details; } 2>/dev/null
  case $mrsk_line in
  # `Service: ` in base64.
  U2VydmljZTog*)
    mrsk_whole=ours
    return 0
    ;;
  esac
  if decode_file mrsk_lock/details
  then
    mrsk_whole=foreign
  elif ! [ -d mrsk_lock ]
  then
    mrsk_whole=none
  elif has_ours
  then
    mrsk_whole=ours
  else
    mrsk_text='Message: mrsk_lock has no details'
    [ -z "$mrsk_limit" ] || mrsk_text="$mrsk_text; without any it is taken over $mrsk_limit s after it was first seen"
  fi
}

# Whether a lock of ours is in mrsk_lock: what names all holders is not synced, and a power cut may have left it empty.
has_ours() {
  for mrsk_entry in mrsk_lock/*@*/details
  do
    [ -s "$mrsk_entry" ] && return 0
  done
  return 1
}

# Sets mrsk_whole_text to the details $2 of the lock $1, as they stand among those of others, behind what it is.
add_entry() {
  mrsk_whole_text="$mrsk_whole_text${mrsk_whole_text:+$mrsk_nl}Service: ${1%@}$mrsk_nl$2"
}

# Writes into mrsk_lock/details who holds what of it, unless it says so already.
announce() {
  mrsk_own_text=$mrsk_text
  mrsk_whole_text=
  for mrsk_entry in mrsk_lock/*@*
  do
    [ -d "$mrsk_entry" ] || continue
    decode_file "$mrsk_entry/details"
    add_entry "${mrsk_entry#mrsk_lock/}" "$mrsk_text"
  done
  mrsk_text=$mrsk_own_text
  encode "$mrsk_whole_text"
  mrsk_line=
  { read -r mrsk_line <mrsk_lock/details; } 2>/dev/null
  [ "$mrsk_line" = "$mrsk_field" ] || put mrsk_lock/details "$mrsk_field"
}

# Writes it anew, if that can be done now.
announce_in_turn() {
  take_whole || return 0
  look_at_whole
  [ "$mrsk_whole" != ours ] || ! [ -d "$mrsk_own" ] || announce
  end_turn
}

# Whether nobody but mrsk_own has anything of mrsk_lock.
is_alone() {
  for mrsk_entry in mrsk_lock/*@*
  do
    [ -d "$mrsk_entry" ] && [ "$mrsk_entry" != "$mrsk_own" ] && return 1
  done
  return 0
}

# Whether nobody has written for a while whose mrsk_lock is. Who looks first notes when.
is_abandoned() {
  mrsk_seen_boot=
  mrsk_seen_at=
  { read -r mrsk_seen_boot mrsk_seen_at <mrsk_lock/seen; } 2>/dev/null
  case $mrsk_seen_at in
  '' | *[!0-9]*)
    put mrsk_lock/seen "$mrsk_boot $mrsk_up"
    return 1
    ;;
  esac
  age "$mrsk_seen_boot" "$mrsk_seen_at"
  [ "$mrsk_age" -ge "$mrsk_limit" ]
}

# Makes mrsk_own, and mrsk_lock around it, unless that is another tool's. Under the turn. Fails if it is worth another try.
begin() {
  if mkdir mrsk_lock 2>/dev/null
  then
    mrsk_error=$(mv -f "$mrsk_ready/whole" mrsk_lock/details 2>&1) || die "cannot write mrsk_lock in $PWD: $mrsk_error"
  elif ! [ -d mrsk_lock ]
  then
    [ -e mrsk_lock ] && ! [ -d mrsk_lock ] && die "mrsk_lock in $PWD is not a directory"
    mrsk_error=$(mkdir "$mrsk_ready/try" 2>&1) || die "cannot create mrsk_lock in $PWD: $mrsk_error"
    rmdir "$mrsk_ready/try"
    return 1
  else
    look_at_whole
    if [ "$mrsk_whole" = unclear ] && is_abandoned
    then
      mrsk_error=$(mv -f "$mrsk_ready/whole" mrsk_lock/details 2>&1) || die "cannot write mrsk_lock in $PWD: $mrsk_error"
      rm -f mrsk_lock/seen
      mrsk_whole=ours
    fi
    [ "$mrsk_whole" = ours ] || return 1
  fi
  if ! mrsk_error=$(mkdir "$mrsk_own" 2>&1)
  then
    [ -d "$mrsk_own" ] || die "cannot create $mrsk_own in $PWD: $mrsk_error"
    return 1
  fi
  set -- "$mrsk_ready/details"
  ! [ -e "$mrsk_ready/beat" ] || set -- "$mrsk_ready/beat" "$@"
  mv -f "$@" "$mrsk_own/" && announce && return 0
  rm -rf "$mrsk_own"
  die "cannot write mrsk_lock in $PWD"
}

# Takes the turn and begins, unless Kamal has locked the service.
begin_in_turn() {
  kamal_has_locked && return 1
  [ -n "$mrsk_ready" ] || prepare_lock
  take_whole || die "$mrsk_error"
  begin
  mrsk_result=$?
  end_turn
  [ "$mrsk_result" = 0 ] || return 1
  sync_to_disk "$mrsk_own" mrsk_lock . || die "$mrsk_error"
  acquired 1 -
}

# Whether Kamal has locked this service and destination. Sets mrsk_text to what stands in its lock.
kamal_has_locked() {
  mrsk_name=${mrsk_scope%@*}
  mrsk_destination=${mrsk_scope##*@}
  for mrsk_entry in ".kamal/lock-$mrsk_name${mrsk_destination:+-$mrsk_destination}" "kamal_lock-$mrsk_name" kamal_lock
  do
    [ -d "$mrsk_entry" ] || continue
    decode_file "$mrsk_entry/details"
    mrsk_text="${mrsk_text:+$mrsk_text$mrsk_nl}Lock of Kamal: $mrsk_entry (kamal lock release)"
    return 0
  done
  return 1
}

# Takes mrsk_own away at once, so that nobody sees half of it; and mrsk_lock with it if nobody else has anything of it, or if it is another
# tool's. Into mrsk_ready, or beside it if there is none. Under the turn; without room for that nobody else can begin either.
discard() {
  mrsk_gone=.mrsk_lock.$$.released
  [ -z "$mrsk_ready" ] || mrsk_gone=$mrsk_ready/released
  mrsk_from=$mrsk_own
  if [ -n "$mrsk_mine" ] || [ -z "$mrsk_ready" ]
  then
    is_alone && mrsk_from=mrsk_lock
  fi
  [ "$mrsk_whole" = ours ] || mrsk_from=mrsk_lock
  mrsk_error=$(mv "$mrsk_from" "$mrsk_gone" 2>&1) || ! [ -e "$mrsk_from" ] || return 1
  [ "$mrsk_from" = mrsk_lock ] || [ -z "$mrsk_mine" ] || announce
  rm -rf "${mrsk_ready:-$mrsk_gone}"
  trap - EXIT
  [ -z "$mrsk_mine" ] || end_turn
  return 0
}
