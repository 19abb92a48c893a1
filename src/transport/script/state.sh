# Looks, 0.1 s apart, at whether processes have ended after SIGTERM, and after SIGKILL.
mrsk_term_looks=50
mrsk_kill_looks=10

# Prints the environ files of the processes that have the variable $1. grep -z is not in every busybox.
environments() {
  if printf 'a\000b' | grep -qzxF b 2>/dev/null
  then
    grep -lszxF "$1" /proc/[0-9]*/environ 2>/dev/null
    return
  fi
  for mrsk_entry in /proc/[0-9]*/environ
  do
    { tr '\000' '\n' <"$mrsk_entry"; } 2>/dev/null | grep -qxF "$1" && printf '%s\n' "$mrsk_entry"
  done
}

# Prints the process ids of attempt directory $1 that were started under the marker $2 or in the sessions of file $3.
# The marker is in the environment; of other users' processes (sudo) only the session can be seen.
processes() {
  for mrsk_entry in $(environments "$2")
  do
    mrsk_entry=${mrsk_entry#/proc/}
    process "${mrsk_entry%/environ}" && printf '%s\n' "${mrsk_entry%/environ}"
  done
  [ -s "$1/$3" ] || return 0
  mrsk_known=' '
  while read -r mrsk_leader mrsk_begun
  do
    process "$mrsk_leader" && [ "$mrsk_start" != "$mrsk_begun" ] && continue
    mrsk_known="$mrsk_known$mrsk_leader "
  done <"$1/$3"
  [ "$mrsk_known" = ' ' ] && return 0
  for mrsk_entry in /proc/[0-9]*
  do
    process "${mrsk_entry#/proc/}" || continue
    case $mrsk_known in
    *" $mrsk_session "*) printf '%s\n' "${mrsk_entry#/proc/}" ;;
    esac
  done
}

# Seconds after the deadline of an attempt in which it may explain and undo a failure, and end its commands.
mrsk_grace_seconds=420
# Units of a process's start time in a second.
mrsk_ticks=100

# Whether the attempt in directory $1, whose script has died, should have ended long ago, by the clock and by the uptime: what is left of it,
# such as a daemon, is not the step.
is_overdue() {
  mrsk_told_start=
  mrsk_told_end=
  { read -r mrsk_word mrsk_word mrsk_word mrsk_word mrsk_word mrsk_told_start mrsk_told_end <"$1/about"; } 2>/dev/null
  case ${mrsk_told_start:--}$mrsk_told_end$mrsk_begun in
  *[!0-9]*) return 1 ;;
  esac
  [ -n "$mrsk_told_end" ] && [ -n "$mrsk_begun" ] || return 1
  now
  [ $((mrsk_now - mrsk_told_end)) -gt "$mrsk_grace_seconds" ] || return 1
  uptime
  [ $((mrsk_up - mrsk_begun / mrsk_ticks)) -gt $((mrsk_told_end - mrsk_told_start + mrsk_grace_seconds)) ]
}

# Whether a process of the attempt in directory $1 (step $2, number $3) is alive.
alive() {
  mrsk_pid=
  { read -r mrsk_pid mrsk_begun mrsk_claimed_boot mrsk_claimed_run <"$1/claim"; } 2>/dev/null || return 1
  boot
  [ "$mrsk_claimed_boot" = "$mrsk_boot" ] || return 1
  process "$mrsk_pid" && [ "$mrsk_start" = "$mrsk_begun" ] && return 0
  is_overdue "$1" && return 1
  [ -n "$(processes "$1" "MRSK_CLAIM=$2.$3.$mrsk_claimed_run" sessions)" ] && return 0
  [ -n "$(processes "$1" "MRSK_CLEANUP=$2.$3.$mrsk_claimed_run" sessions.cleanup)" ]
}

# Sets mrsk_receipt; fails if there is none or a torn one.
receipt() {
  mrsk_receipt=
  { read -r mrsk_receipt <"$1/receipt"; } 2>/dev/null || return 1
  case $mrsk_receipt in
  *' end') return 0 ;;
  esac
  return 1
}

# The line about the attempt in directory $1.
attempt_line() {
  mrsk_number=${1##*/}
  mrsk_step=${1%/*}
  mrsk_step=${mrsk_step##*/}
  if receipt "$1"
  then
    say attempt "$mrsk_step" "$mrsk_number" ended "$mrsk_receipt"
  elif alive "$1" "$mrsk_step" "$mrsk_number"
  then
    say attempt "$mrsk_step" "$mrsk_number" running
  elif receipt "$1"
  then
    say attempt "$mrsk_step" "$mrsk_number" ended "$mrsk_receipt"
  else
    say attempt "$mrsk_step" "$mrsk_number" lost
  fi
}

# Whether this machine has started anew since a run of the plan was first here.
has_restarted() {
  [ -e "$mrsk_runs/restarted" ] && return 0
  [ -e "$mrsk_runs/begun" ] || return 1
  mrsk_begun_boot=
  { read -r mrsk_rest mrsk_begun_boot <"$mrsk_runs/begun"; } 2>/dev/null
  boot
  [ "$mrsk_begun_boot" != "$mrsk_boot" ]
}

# The attempts at the plan's steps. After a power cut claims may be missing that were not synced: a run that asked before knows by the boot.
list() {
  has_restarted && say restarted
  boot
  say boot "$mrsk_boot"
  for mrsk_entry in "$mrsk_runs"/*/*/claim
  do
    [ -f "$mrsk_entry" ] && attempt_line "${mrsk_entry%/claim}"
  done
  return 0
}

# Removes the logins of attempts that died.
sweep_logins() {
  for mrsk_login in "$mrsk_base"/runs/*/*/*/docker
  do
    [ -d "$mrsk_login" ] || continue
    mrsk_dir=${mrsk_login%/docker}
    mrsk_step=${mrsk_dir%/*}
    alive "$mrsk_dir" "${mrsk_step##*/}" "${mrsk_dir##*/}" || rm -rf "$mrsk_login"
  done
  return 0
}

# Whether the fence names this run.
fenced() {
  mrsk_fence=
  { read -r mrsk_fence <"$mrsk_base/fence"; } 2>/dev/null
  [ "$mrsk_fence" = "$mrsk_run" ]
}

# Whether the run that the fence named, when `fenced` read it, stops.
stopping() {
  [ -n "$mrsk_fence" ] && [ -e "$mrsk_runs/stopping.$mrsk_fence" ]
}

# Sends signal $1 to the processes after it, as root if they belong to another user.
signal() {
  mrsk_signal=$1
  shift
  kill -s "$mrsk_signal" "$@" 2>/dev/null || sudo -n kill -s "$mrsk_signal" "$@" 2>/dev/null
}

# Ends the commands of the attempt in directory $1 with marker $2 or in the sessions of file $3: gently, and after a while not.
stop_processes() {
  mrsk_round=0
  mrsk_found=$(processes "$1" "$2" "$3")
  [ -n "$mrsk_found" ] && signal TERM $mrsk_found
  while [ -n "$mrsk_found" ] && [ "$mrsk_round" -lt "$mrsk_term_looks" ]
  do
    nap 0.1
    mrsk_round=$((mrsk_round + 1))
    mrsk_found=$(processes "$1" "$2" "$3")
  done
  mrsk_round=0
  while [ -n "$mrsk_found" ] && [ "$mrsk_round" -lt "$mrsk_kill_looks" ]
  do
    signal KILL $mrsk_found
    nap 0.1
    mrsk_round=$((mrsk_round + 1))
    mrsk_found=$(processes "$1" "$2" "$3")
  done
}

# Makes the directories of the attempts STEP/NUMBER that follow.
make_attempts() {
  for mrsk_entry in "$@"
  do
    shift
    [ -d "$mrsk_runs/$mrsk_entry" ] || set -- "$@" "$mrsk_runs/$mrsk_entry"
  done
  [ "$#" = 0 ] && return 0
  mrsk_error=$(mkdir -p "$@" 2>&1) || die "cannot create $1: $mrsk_error"
}

# Writes what the attempt in mrsk_dir, which begins now, is, for runs of other plans; its actions take at most $1 seconds, 0 meaning no bound.
# The file of an attempt that is claimed stays.
introduce() {
  now
  mrsk_started=$mrsk_now
  make "$mrsk_dir"
  [ -e "$mrsk_dir/claim" ] && return 0
  mrsk_deadline=-
  [ "$1" = 0 ] || mrsk_deadline=$((mrsk_started + $1))
  # What a dead attempt has left is replaced at once: another script may be reading it.
  mrsk_way=write_line
  ! [ -e "$mrsk_dir/about" ] || mrsk_way=put
  "$mrsk_way" "$mrsk_dir/about" "$mrsk_about $mrsk_plan $mrsk_started $mrsk_deadline" || die "$mrsk_error"
}

# Puts the claim of process $1 (start time $2, boot $3) on attempt directory mrsk_dir. A hard link appears whole or not at all, with
# its details inside; a directory would be claimed for a moment by nobody knows whom. Its second line is what the audit log will say of the
# attempt. Where mrsk_claim_stays is set, it survives a power cut, with the directories that hold it. Fails where somebody has it. The name
# that the file had before stays, too; it is never written again, since it may be the claim.
put_claim() {
  make "$mrsk_dir"
  mrsk_status=1
  if ! [ -e "$mrsk_dir/claim" ]
  then
    write_line "$mrsk_dir/claim.$$" "$1 $2 $3 $mrsk_run${mrsk_subject:+$mrsk_nl$mrsk_subject}" || die "$mrsk_error"
    [ -z "$mrsk_claim_stays" ] || sync_to_disk "$mrsk_dir/claim.$$"
    mrsk_error=$(ln "$mrsk_dir/claim.$$" "$mrsk_dir/claim" 2>&1)
    mrsk_status=$?
  fi
  [ -z "$mrsk_claim_stays" ] || sync_to_disk "$mrsk_dir" "${mrsk_dir%/*}" "$mrsk_runs" "$mrsk_base/runs" "$mrsk_base"
  [ "$mrsk_status" = 0 ] && return 0
  [ -e "$mrsk_dir/claim" ] || die "cannot claim $mrsk_dir: $mrsk_error"
  return 1
}

# Whether a step of run directory $1 is alive.
run_is_alive() {
  for mrsk_entry in "$1"/*/*/claim
  do
    mrsk_attempt=${mrsk_entry%/claim}
    receipt "$mrsk_attempt" && continue
    mrsk_step=${mrsk_attempt%/*}
    alive "$mrsk_attempt" "${mrsk_step##*/}" "${mrsk_attempt##*/}" && return 0
  done
  return 1
}
