# Notes that this run stops. In a file of its own: the fence may be another run's by the time that it is written.
halt() {
  if ! fenced
  then
    say refused
    return 0
  fi
  mrsk_error=$( { : >>"$mrsk_runs/stopping.$mrsk_run"; } 2>&1 ) || die "cannot write $mrsk_runs/stopping.$mrsk_run: $mrsk_error"
  say halted
}
