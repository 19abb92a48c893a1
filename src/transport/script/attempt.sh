# Waits until the attempt has a receipt or no process, at most $1 rounds of 0.2 s, and tells which.
await() {
  if ! [ -f "$mrsk_dir/claim" ]
  then
    say none
    return 0
  fi
  mrsk_round=0
  while [ "$mrsk_round" -lt "$1" ]
  do
    receipt "$mrsk_dir" && break
    alive "$mrsk_dir" "$mrsk_step" "$mrsk_number" || break
    nap 0.2
    mrsk_round=$((mrsk_round + 1))
  done
  attempt_line "$mrsk_dir"
}

# Ends the attempt; who holds its claim reads the file and writes the receipt.
cancel() {
  if [ -f "$mrsk_dir/claim" ] && ! receipt "$mrsk_dir"
  then
    put "$mrsk_dir/cancel" "$mrsk_run" || die "$mrsk_error"
    mrsk_claimed_run=
    read -r mrsk_pid mrsk_begun mrsk_claimed_boot mrsk_claimed_run <"$mrsk_dir/claim"
    boot
    [ "$mrsk_claimed_boot" = "$mrsk_boot" ] && stop_processes "$mrsk_dir" "MRSK_CLAIM=$mrsk_step.$mrsk_number.$mrsk_claimed_run" sessions
  fi
  await "$1"
}
