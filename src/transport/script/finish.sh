# The number of runs whose details are kept.
mrsk_runs_kept=20

# Removes the details of all but the last runs, once what they left is entered. Their names are hexadecimal digits.
retain() {
  set -- "$mrsk_base/runs"/*
  [ "$#" -gt "$mrsk_runs_kept" ] || return 0
  mrsk_kept=0
  for mrsk_name in $(ls -t "$mrsk_base/runs")
  do
    mrsk_kept=$((mrsk_kept + 1))
    [ "$mrsk_kept" -gt "$mrsk_runs_kept" ] || continue
    [ "$mrsk_base/runs/$mrsk_name" = "$mrsk_runs" ] && continue
    run_is_alive "$mrsk_base/runs/$mrsk_name" && continue
    enter_lost_routes && audit_attempts "$mrsk_name" && rm -rf "$mrsk_base/runs/$mrsk_name"
  done
}

finish() {
  if ! fenced
  then
    say refused
    return 0
  fi
  if ! grep -qxF "$mrsk_plan" "$mrsk_base/finished" 2>/dev/null
  then
    append "$mrsk_base/finished" "$mrsk_plan" || die "$mrsk_error"
    sync_to_disk "$mrsk_base/finished" "$mrsk_base" || die "$mrsk_error"
  fi
  catch_up || die "$mrsk_error"
  retain
  say finished
}

# Writes claim and receipt $3 (empty: none yet) of a step that runs elsewhere: step $1, attempt $2. A claim without a receipt is of a step
# that no check could tell of. A receipt stays as it is. The fence is
# read after the claim: the run that it names has listed the claim, or this one does not begin.
record() {
  mrsk_dir=$mrsk_runs/$1/$2
  mrsk_claim_stays=
  if [ -z "$3" ]
  then
    mrsk_claim_stays=1
    introduce 0
  fi
  put_claim 0 0 -
  mrsk_status=$?
  if ! fenced
  then
    now
    mrsk_started=$mrsk_now
    [ "$mrsk_status" != 0 ] || put "$mrsk_dir/receipt" "refused 0 $mrsk_run $mrsk_started $mrsk_started - end" || die "$mrsk_error"
    say refused
    return 0
  fi
  [ -z "$3" ] || receipt "$mrsk_dir" || write_line "$mrsk_dir/receipt" "$3" || die "$mrsk_error"
  say recorded
}

# Writes receipt $3 of attempt $2 at step $1, since a person says how it ended: $4 says who, and why. Only if nothing of it is alive,
# and there is no receipt: of two persons one is told what the other has said.
resolve() {
  mrsk_dir=$mrsk_runs/$1/$2
  if ! [ -f "$mrsk_dir/claim" ]
  then
    say none
    return 0
  fi
  if ! receipt "$mrsk_dir" && ! alive "$mrsk_dir" "$1" "$2" && ! receipt "$mrsk_dir"
  then
    # A torn one.
    rm -f "$mrsk_dir/receipt"
    put "$mrsk_dir/resolved" "$4" && put "$mrsk_dir/line" "$mrsk_lines" && put "$mrsk_dir/receipt.new.$$" "$3" || die "$mrsk_error"
    mrsk_error=$(ln "$mrsk_dir/receipt.new.$$" "$mrsk_dir/receipt" 2>&1)
    mrsk_status=$?
    rm -f "$mrsk_dir/receipt.new.$$"
    if [ "$mrsk_status" = 0 ]
    then
      audit_attempts "${mrsk_runs##*/}" || die "$mrsk_error"
      say resolved
      return 0
    fi
    receipt "$mrsk_dir" || die "cannot write $mrsk_dir/receipt: $mrsk_error"
  fi
  attempt_line "$mrsk_dir"
}
