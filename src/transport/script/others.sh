# Looks, 0.1 s apart, at whether a process has stopped after SIGSTOP.
mrsk_freeze_looks=50

# The line about the attempt in directory $1, if it lives: its plan, step and number, whether it acts or undoes a failure, and what it
# says about itself.
living_line() {
  receipt "$1" && return 0
  mrsk_number=${1##*/}
  mrsk_step=${1%/*}
  mrsk_digits=${mrsk_step%/*}
  mrsk_digits=${mrsk_digits##*/}
  mrsk_step=${mrsk_step##*/}
  alive "$1" "$mrsk_step" "$mrsk_number" || return 0
  receipt "$1" && return 0
  mrsk_stage=acts
  undoes "$1" && mrsk_stage=undoes
  mrsk_field=-
  [ ! -e "$1/about" ] || encode_input <"$1/about"
  say living "$mrsk_digits" "$mrsk_step" "$mrsk_number" "$mrsk_stage" "$mrsk_field"
}

# Whether the attempt in directory $1 has failed, and explains and undoes that.
undoes() {
  [ -e "$1/diagnosis" ] || [ -e "$1/sessions.cleanup" ]
}

# The living attempts of other plans of this service and destination.
others() {
  for mrsk_entry in "$mrsk_base"/runs/*/*/*/claim
  do
    case $mrsk_entry in
    "$mrsk_runs"/*) continue ;;
    esac
    [ -f "$mrsk_entry" ] && living_line "${mrsk_entry%/claim}"
  done
  return 0
}

# Stops process mrsk_pid, which began at mrsk_begun. Fails if it is gone, or cannot be stopped.
freeze() {
  process "$mrsk_pid" && [ "$mrsk_start" = "$mrsk_begun" ] || return 1
  signal STOP "$mrsk_pid" || return 1
  mrsk_round=0
  while process "$mrsk_pid" && [ "$mrsk_state" != T ]
  do
    if [ "$mrsk_round" = "$mrsk_freeze_looks" ]
    then
      signal CONT "$mrsk_pid"
      return 1
    fi
    nap 0.1
    mrsk_round=$((mrsk_round + 1))
  done
  process "$mrsk_pid"
}

# Prints process $1 and all that descend from it.
descendants() {
  mrsk_known=" $1 "
  mrsk_before=
  while [ "$mrsk_known" != "$mrsk_before" ]
  do
    mrsk_before=$mrsk_known
    for mrsk_entry in /proc/[0-9]*
    do
      mrsk_entry=${mrsk_entry#/proc/}
      case $mrsk_known in
      *" $mrsk_entry "*) continue ;;
      esac
      process "$mrsk_entry" || continue
      case $mrsk_known in
      *" $mrsk_parent "*) mrsk_known="$mrsk_known$mrsk_entry " ;;
      esac
    done
  done
  printf '%s\n' "$mrsk_known"
}

# Ends attempt $3 at step $2 of the plan with the digits $1. Not if it has ended, or undoes a failure: that is waited for. Its script
# is stopped first, so that it neither goes on to the next step nor begins to undo anything while this is found out; it is killed last,
# with what it was about to start.
end_other() {
  mrsk_dir=$mrsk_base/runs/$1/$2/$3
  alive "$mrsk_dir" "$2" "$3" || return 0
  mrsk_marker=MRSK_CLAIM=$2.$3.$mrsk_claimed_run
  mrsk_script=
  if process "$mrsk_pid" && [ "$mrsk_start" = "$mrsk_begun" ]
  then
    freeze || return 0
    mrsk_script=$mrsk_pid
  fi
  if receipt "$mrsk_dir" || undoes "$mrsk_dir"
  then
    [ -z "$mrsk_script" ] || signal CONT "$mrsk_script"
    return 0
  fi
  stop_processes "$mrsk_dir" "$mrsk_marker" sessions
  [ -z "$mrsk_script" ] || signal KILL $(descendants "$mrsk_script")
  stop_processes "$mrsk_dir" "$mrsk_marker" sessions
  # What cannot be killed is told as alive again.
  alive "$mrsk_dir" "$2" "$3" && return 0
  leave_receipt
}

# Leaves a receipt of the attempt in mrsk_dir, which this plan has ended.
leave_receipt() {
  printf 'ended: another plan is being applied\n' >>"$mrsk_dir/output" 2>/dev/null
  rm -rf -- "$mrsk_dir/docker"
  now
  mrsk_started=
  { read -r mrsk_word mrsk_word mrsk_word mrsk_word mrsk_word mrsk_started mrsk_word <"$mrsk_dir/about"; } 2>/dev/null
  # A torn one.
  receipt "$mrsk_dir" || rm -f "$mrsk_dir/receipt"
  encode "$mrsk_plan"
  mrsk_value=$mrsk_field
  [ "$mrsk_value" != '!' ] || mrsk_value=-
  mrsk_receipt="superseded 0 $mrsk_claimed_run ${mrsk_started:-$mrsk_now} $mrsk_now $mrsk_value end"
  put "$mrsk_dir/receipt.new.$$" "$mrsk_receipt" || die "$mrsk_error"
  mrsk_error=$(ln "$mrsk_dir/receipt.new.$$" "$mrsk_dir/receipt" 2>&1)
  rm -f "$mrsk_dir/receipt.new.$$"
  receipt "$mrsk_dir" || die "cannot write $mrsk_dir/receipt: $mrsk_error"
}
