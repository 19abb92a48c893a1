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
