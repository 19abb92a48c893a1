# The records of a service and destination go, once nothing of it is left on the host.

# Removes all that is kept of it, unless it runs here again, an attempt lives, or another plan than mrsk_expected (-: none) came last.
forget() {
  if ! [ -e "$mrsk_base" ] && ! [ -e "$mrsk_log" ]
  then
    say absent
    return 0
  fi
  [ ! -f "$mrsk_base/serial" ] || read_serial
  if [ "$mrsk_expected" != - ] && [ -n "$mrsk_last" ] && [ "$mrsk_last" != "$mrsk_expected" ]
  then
    say kept
    return 0
  fi
  if has_containers || has_living
  then
    say kept
    return 0
  fi
  mrsk_error=$(rm -rf "$mrsk_base" "$mrsk_log" "$mrsk_log.1" ".mrsk_lock.released.$mrsk_scope" 2>&1) || die "$mrsk_error"
  is_used || sweep_state
  say forgotten
}

# Whether the engine has a container of the service and destination. One that does not answer may have.
has_containers() {
  command -v docker >/dev/null || return 1
  mrsk_found=$(docker ps --all --filter "label=service=${mrsk_scope%@*}" --format '={{.Label "destination"}}=' 2>/dev/null </dev/null) || return 0
  case $mrsk_nl$mrsk_found$mrsk_nl in
  *"$mrsk_nl=${mrsk_scope##*@}=$mrsk_nl"*) return 0 ;;
  esac
  return 1
}

# Whether an attempt of any plan is alive.
has_living() {
  for mrsk_run_directory in "$mrsk_base"/runs/*
  do
    run_is_alive "$mrsk_run_directory" && return 0
  done
  return 1
}

# Whether another service or destination has records here.
is_used() {
  for mrsk_entry in "$mrsk_state_dir"/*@*
  do
    [ -d "$mrsk_entry" ] && return 0
  done
  return 1
}

# Removes what services share, if nobody has put anything there.
sweep_state() {
  rm -rf "$mrsk_state_dir/shared.lock"
  rmdir "$mrsk_state_dir/traefik" "$mrsk_state_dir" 2>/dev/null
  return 0
}

# Removes the turns at the lock, if no service has records here, and nobody a lock.
sweep_lock() {
  if ! [ -e mrsk_lock ] && ! is_used
  then
    rm -rf .mrsk_lock.turns
  fi
  say swept
}
