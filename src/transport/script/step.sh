# The most that is reported of the output of a failure, and of what explains it.
mrsk_output_lines=100
mrsk_output_bytes=65536
mrsk_diagnosis_bytes=65536

# Ends the script where printf is a program, which would show secrets among its arguments.
needs_builtin_printf() {
  mrsk_path=$PATH
  PATH=/nonexistent
  command -v printf >/dev/null || die 'printf is not a builtin of this sh: secrets would be visible'
  PATH=$mrsk_path
}

# Whether the step is to stop before its next part.
stopped() {
  [ -e "$mrsk_dir/expired" ] || halted
}

# Whether the run stops, and ends the step.
halted() {
  [ "$mrsk_when_stopping" = end ] || return 1
  fenced
  stopping
}

# Whether the run stops before the step has done anything.
is_too_late() {
  [ "$mrsk_when_stopping" != begin ] || return 1
  fenced
  stopping
}

# What the first process of a command does: it writes down its session and becomes the command.
mrsk_enter='mrsk_file=$1
shift
read -r mrsk_stat <"/proc/$$/stat"
mrsk_count=0
for mrsk_word in ${mrsk_stat##*") "}
do
  mrsk_count=$((mrsk_count + 1))
  [ "$mrsk_count" = 20 ] && break
done
printf "%s %s\n" "$$" "$mrsk_word" >>"$mrsk_file"
exec "$@"'

# Runs a command, its standard input being descriptor 3. In the background, since only so can it have a session of its own.
# Descriptor 4 is the channel, which it does not get: nothing that it prints can be taken for a line of the answer.
spawn() {
  if [ -n "$mrsk_setsid" ]
  then
    setsid sh -c "$mrsk_enter" sh "$mrsk_dir/$mrsk_sessions" "$@" <&3 3<&- 4>&- &
  else
    "$@" <&3 3<&- 4>&- &
  fi
  wait "$!"
}

# As `spawn`, in a subshell that does nothing else: it becomes the command.
become() {
  if [ -n "$mrsk_setsid" ]
  then
    exec setsid sh -c "$mrsk_enter" sh "$mrsk_dir/$mrsk_sessions" "$@" <&3 3<&- 4>&-
  fi
  exec "$@" <&3 3<&- 4>&-
}

# Gives docker a configuration of this attempt. It goes with the attempt.
own_config() {
  mrsk_users=${DOCKER_CONFIG:-$HOME/.docker}
  DOCKER_CONFIG=$mrsk_dir/docker
  export DOCKER_CONFIG
  [ -d "$DOCKER_CONFIG" ] || derive_config
}

# Gives docker a new configuration that stays for later runs of this service and destination.
config_to_keep() {
  mrsk_users=${DOCKER_CONFIG:-$HOME/.docker}
  DOCKER_CONFIG=$mrsk_base/docker
  export DOCKER_CONFIG
  rm -rf "$DOCKER_CONFIG" && derive_config
}

# Gives docker the configuration that stayed.
kept_config() {
  DOCKER_CONFIG=$mrsk_base/docker
  export DOCKER_CONFIG
  [ -f "$DOCKER_CONFIG/config.json" ] && return 0
  printf '%s\n' 'no login at the registry is kept here: run mrsk registry login, or plan again'
  return 1
}

# Makes the directory DOCKER_CONFIG: everything is the user's (mrsk_users), but logins stay in it.
derive_config() {
  mkdir "$DOCKER_CONFIG" || return 1
  for mrsk_entry in "$mrsk_users"/* "$mrsk_users"/.[!.]*
  do
    [ -e "$mrsk_entry" ] || continue
    case ${mrsk_entry##*/} in
    config.json) cat "$mrsk_entry" >"$DOCKER_CONFIG/config.json" || return 1 ;;
    *) ln -s "$mrsk_entry" "$DOCKER_CONFIG/" || return 1 ;;
    esac
  done
}

# A command of the step.
run() {
  stopped && return 143
  spawn "$@"
}

# The same, as the end of a subshell.
run_last() {
  stopped && exit 143
  become "$@"
}

# A command of the step that docker refuses while another one prunes, whoever that is: it is repeated until it has its turn.
run_alone() {
  mrsk_told=
  while :
  do
    stopped && return 143
    spawn "$@" 2>"$mrsk_dir/said"
    mrsk_code=$?
    mrsk_text=
    ! [ -s "$mrsk_dir/said" ] || mrsk_text=$(cat "$mrsk_dir/said")
    case $mrsk_code$mrsk_text in
    [1-9]*'prune operation is already running'*) ;;
    *) break ;;
    esac
    [ -n "$mrsk_told" ] || printf '%s\n' "$mrsk_text"
    mrsk_told=1
    nap 0.5
  done
  [ -z "$mrsk_text" ] || printf '%s\n' "$mrsk_text"
  return "$mrsk_code"
}

# The end of what was printed.
end_of_output() {
  tail -n "$mrsk_output_lines" | tail -c "$mrsk_output_bytes"
}

# A command that explains a failure.
explain() {
  printf '$ %s\n' "$*"
  spawn "$@" 2>&1 | end_of_output
}

# A command that undoes something. Its failure is noted.
undo() {
  spawn "$@" || printf 'cleanup failed with status %s: %s\n' "$?" "$*"
}

# Writes the text $3 to file $1 with mode $2.
write() {
  stopped && return 143
  fill "$@"
}

# Writes the text $3 to file $1 with mode $2, to undo something. Its failure is noted. What is so already is left alone: the disk may be full.
restore() {
  [ "$(cat "$1" 2>/dev/null && echo .)" = "$3." ] && return 0
  fill "$@" || printf 'cleanup failed: cannot restore %s\n' "$1"
}

# Writes the bytes that $3 is in base64 to file $1 with mode $2 and owner $5, and compares them with the SHA-256 $4.
upload() {
  stopped && return 143
  prepare "$1" || return 1
  if ! printf '%s' "$3" | base64 -d >"$mrsk_new"
  then
    rm -f "$mrsk_new"
    return 1
  fi
  if command -v sha256sum >/dev/null
  then
    mrsk_sum=$(sha256sum <"$mrsk_new")
    if [ "${mrsk_sum%% *}" != "$4" ]
    then
      printf '%s: the bytes that arrived have SHA-256 %s, not %s\n' "$1" "${mrsk_sum%% *}" "$4"
      rm -f "$mrsk_new"
      return 1
    fi
  fi
  place "$1" "$2" "$5"
}

# Puts a file with the text $3 and mode $2 in the place of $1. Through cat if it fails, since a shell's own printf does not say why.
fill() {
  prepare "$1" || return 1
  { printf '%s' "$3" 2>/dev/null >"$mrsk_new" || printf '%s' "$3" | cat >"$mrsk_new"; } && place "$1" "$2" && return 0
  rm -f "$mrsk_new"
  printf 'cannot write %s\n' "$1"
  return 1
}

# Sets mrsk_new to a file on the same disk as $1, whose directory is made. In a directory that Traefik watches a file beside it would
# make Traefik look before there is anything to see, and then look less soon. Outside of the state directory the file is made here
# under a name that nobody can foresee, so that no link is followed; what dead attempts left goes.
prepare() {
  mrsk_parent=${1%/*}
  if [ -d "${mrsk_parent:-/}" ]
  then
    warn_of_writers "$mrsk_parent"
  else
    (umask 022 && mkdir -p "$mrsk_parent") || return 1
  fi
  if [ -d "$1" ]
  then
    printf '%s is a directory\n' "$1"
    return 1
  fi
  mrsk_new=$mrsk_dir/new
  are_on_one_disk "$mrsk_dir" "${mrsk_parent:-/}" && return 0
  rm -f "$mrsk_parent/.${1##*/}.mrsk-"*
  mrsk_new=$(mktemp "$mrsk_parent/.${1##*/}.mrsk-XXXXXXXXXX")
}

# Says it if others can write to directory $1. Below the state directory only its owner gets anywhere.
warn_of_writers() {
  case $1/ in
  "${mrsk_base%/*}"/*) return 0 ;;
  esac
  case $(ls -ld "$1/" 2>/dev/null) in
  ?????w* | ????????w*) printf 'warning: other users can write to %s\n' "${1:-/}" ;;
  esac
}

# Whether the directories $1 and $2 are on one disk, as far as that can be found out.
are_on_one_disk() {
  mrsk_disks=$(stat -L -c %d "$1" "$2" 2>/dev/null) || return 1
  [ "${mrsk_disks%%"$mrsk_nl"*}" = "${mrsk_disks#*"$mrsk_nl"}" ]
}

# Puts mrsk_new in the place of $1, with mode $2 and owner $3; without that it stays the user's.
place() {
  chmod "$2" "$mrsk_new" && give "$3" && mv -f "$mrsk_new" "$1" && return 0
  rm -f "$mrsk_new"
  return 1
}

# Gives mrsk_new to the owner $1, as root if the user may not.
give() {
  [ -n "$1" ] || return 0
  mrsk_error=$(chown "$1" "$mrsk_new" 2>&1) && return 0
  sudo -n chown "$1" "$mrsk_new" 2>/dev/null && return 0
  printf 'cannot give the file to %s: %s\n' "$1" "$mrsk_error"
  return 1
}

# Sets mrsk_heard to the uptime if the output has grown.
listen_to_output() {
  mrsk_grown=$(wc -c <"$mrsk_dir/$mrsk_output")
  [ "$mrsk_grown" = "$mrsk_size" ] || mrsk_heard=$mrsk_up
  mrsk_size=$mrsk_grown
}

# Ends the commands of the step that stands in the file mrsk_watched, whichever of the batch that is, when they take longer than it says, or
# are silent for too long; 0 means no bound. One process for all steps: it ends with the batch, or when nothing of it is left.
watch() {
  unset MRSK_CLAIM MRSK_CLEANUP
  mrsk_last=
  while sleep 1
  do
    mrsk_dir=
    { read -r mrsk_most mrsk_silent mrsk_from mrsk_when_stopping mrsk_marker mrsk_sessions mrsk_expired mrsk_output mrsk_dir; } 2>/dev/null <"$mrsk_watched"
    if [ -z "$mrsk_dir" ] || [ -e "$mrsk_dir/$mrsk_expired" ]
    then
      process "$$" || return 0
      continue
    fi
    if [ "$mrsk_last" != "$mrsk_marker" ]
    then
      mrsk_last=$mrsk_marker
      mrsk_heard=$mrsk_from
      mrsk_size=
    fi
    set -- "$mrsk_most" "$mrsk_silent"
    uptime
    [ "$2" = 0 ] || listen_to_output
    mrsk_why=
    [ "$1" = 0 ] || [ $((mrsk_up - mrsk_from)) -lt "$1" ] || mrsk_why="ran longer than $1 s"
    [ "$2" = 0 ] || [ $((mrsk_up - mrsk_heard)) -lt "$2" ] || mrsk_why="printed nothing for $2 s"
    halted && mrsk_why='its run stops'
    if [ -n "$mrsk_why" ]
    then
      printf '%s\n' "$mrsk_why" >"$mrsk_dir/$mrsk_expired"
      stop_processes "$mrsk_dir" "$mrsk_marker" "$mrsk_sessions"
      # A command that was just being started had no marker yet.
      nap 0.1
      stop_processes "$mrsk_dir" "$mrsk_marker" "$mrsk_sessions"
      continue
    fi
    process "$$" || [ -n "$(processes "$mrsk_dir" "$mrsk_marker" "$mrsk_sessions")" ] || return 0
  done
}

# Lets the step be watched within these bounds, also if only the end of the run may end it. The watch holds no descriptor of the script, so
# that it cannot hold its channel open.
guard() {
  mrsk_guarded=
  [ "$1 $2" = '0 0' ] && [ "$mrsk_when_stopping" != end ] && return 0
  mrsk_guarded=1
  uptime
  mrsk_watched=$mrsk_runs/watched.$$
  write_line "$mrsk_watched" "$1 $2 $mrsk_up ${mrsk_when_stopping:--} $mrsk_marker $mrsk_sessions $mrsk_expired $mrsk_output $mrsk_dir" || die "$mrsk_error"
  [ -z "$mrsk_watch" ] || return 0
  (
    exec </dev/null >/dev/null 2>&1 3<&-
    watch
  ) &
  mrsk_watch=$!
}

# Ends the watch of the step. What it is just ending is ended when this returns.
unguard() {
  [ -n "$mrsk_guarded" ] || return 0
  : >"$mrsk_watched"
  [ -e "$mrsk_dir/$mrsk_expired" ] && stop_processes "$mrsk_dir" "$mrsk_marker" "$mrsk_sessions"
  return 0
}

# Runs the batch, and ends its watch.
watched_batch() {
  mrsk_watch=
  batch
  [ -z "$mrsk_watch" ] || kill "$mrsk_watch" 2>/dev/null
}

# Whether the step is not to wait on for its turn at what services share.
gives_up() {
  is_too_late && mrsk_refused=1
  [ -n "$mrsk_refused" ] || stopped
}

take_shared() {
  take_turn && return 0
  [ -z "$mrsk_error" ] || printf '%s\n' "$mrsk_error"
  return 1
}

# Ends the turn, if the step has one.
release_shared() {
  [ -n "$mrsk_shares" ] || return 0
  mrsk_shares=
  end_turn
}

# The parts of the step, with the lock on what services share where $1 is 1. After a failure it is kept for the cleanup.
act() {
  if [ "$1" = 0 ]
  then
    mrsk_actions
    return
  fi
  take_shared || return 1
  mrsk_shares=1
  mrsk_actions
  mrsk_result=$?
  [ "$mrsk_result" != 0 ] || release_shared
  return "$mrsk_result"
}

# Whether this plan may still undo something here: the fence names this run, or one that resumes its plan.
may_undo() {
  fenced && return 0
  mrsk_latest=
  { read -r mrsk_latest mrsk_rest <"$mrsk_runs/begun"; } 2>/dev/null
  [ -n "$mrsk_fence" ] && [ "$mrsk_fence" = "$mrsk_latest" ]
}

# Undoes a failure, unless another plan has begun here: the cleanup would work against that one.
undo_failure() {
  [ "$mrsk_cleans" = 1 ] || return 0
  if may_undo
  then
    guard "$mrsk_cleanup_seconds" 0
    mrsk_cleanup >>"$mrsk_dir/output" 2>&1 3</dev/null 4>/dev/null
    unguard
    return 0
  fi
  mrsk_ending=uncleaned
  printf 'cleanup skipped: another plan has begun on this host\n' >>"$mrsk_dir/output"
}

# Explains and undoes a failure; what its run has ended needs no explanation. What runs here does not count as the step: its time limit
# does not end it.
settle() {
  mrsk_when_stopping=
  mrsk_sessions=sessions.cleanup
  mrsk_expired=overdue
  mrsk_marker=MRSK_CLEANUP=$mrsk_claim
  MRSK_CLEANUP=$mrsk_claim
  export MRSK_CLEANUP
  mrsk_output=diagnosis
  printf '' >"$mrsk_dir/diagnosis"
  guard "$mrsk_diagnose_seconds" 0
  [ "$mrsk_ending" = stopped ] || mrsk_diagnose >"$mrsk_dir/diagnosis" 2>&1 3</dev/null 4>/dev/null
  unguard
  rm -f "$mrsk_dir/overdue"
  mrsk_output=output
  undo_failure
  unset MRSK_CLEANUP
}

# Writes the receipt $1 (status $2) and reports it, with the end of the output of a failure.
end_attempt() {
  ! [ -d "$mrsk_dir/docker" ] || rm -rf "$mrsk_dir/docker"
  [ "$mrsk_value" != '!' ] || mrsk_value=
  now
  mrsk_receipt="$1 $2 $mrsk_run $mrsk_started $mrsk_now ${mrsk_value:--} end"
  write_line "$mrsk_dir/receipt" "$mrsk_receipt" || die "$mrsk_error"
  mrsk_tail=-
  mrsk_why=-
  # An end that is told without its output is better than none.
  if [ "$1" != succeeded ]
  then
    [ -f "$mrsk_dir/output" ] && mrsk_field=$(end_of_output <"$mrsk_dir/output" | base64) && join_field && mrsk_tail=$mrsk_field
    [ -f "$mrsk_dir/diagnosis" ] && mrsk_field=$(tail -c "$mrsk_diagnosis_bytes" "$mrsk_dir/diagnosis" | base64) && join_field && mrsk_why=$mrsk_field
  fi
  # Nobody reads it later, and an app's log may hold secrets.
  ! [ -e "$mrsk_dir/diagnosis" ] || rm -f "$mrsk_dir/diagnosis"
  say ended "$mrsk_step" "$mrsk_number" "$mrsk_receipt" "$mrsk_tail" "$mrsk_why"
}

# Leaves the receipt of a step that does not begin, since its run stops.
refuse() {
  case $mrsk_when_stopping in
  undo | end)
    mrsk_ending=stopped
    settle
    end_attempt "$mrsk_ending" 0
    ;;
  *) end_attempt refused 0 ;;
  esac
}

# Step $1, attempt $2, at most $3 seconds, at most $4 of silence, under the shared lock where $5 is 1; $6 says what becomes of it when its
# run stops. Fails unless it succeeds.
attempt() {
  mrsk_step=$1
  mrsk_number=$2
  mrsk_dir=$mrsk_runs/$1/$2
  mrsk_claim=$1.$2.$mrsk_run
  mrsk_sessions=sessions
  mrsk_expired=expired
  mrsk_output=output
  mrsk_marker=MRSK_CLAIM=$mrsk_claim
  mrsk_value=
  mrsk_asking=
  mrsk_when_stopping=$6
  mrsk_refused=
  mrsk_shares=
  boot
  process "$$" || die "cannot read /proc"
  introduce "$3"
  if ! put_claim "$$" "$mrsk_start" "$mrsk_boot"
  then
    say taken "$1" "$2"
    return 1
  fi
  say claimed "$1" "$2"
  if ! fenced
  then
    end_attempt refused 0
    return 1
  fi
  if is_too_late
  then
    refuse
    return 1
  fi
  { printf '' >>"$mrsk_dir/output"; } 2>/dev/null || mrsk_error=$( { printf '' >>"$mrsk_dir/output"; } 2>&1 ) || die "cannot write $mrsk_dir/output: $mrsk_error"
  MRSK_CLAIM=$mrsk_claim
  export MRSK_CLAIM
  guard "$3" "$4"
  act "$5" 4>&1 >>"$mrsk_dir/output" 2>&1 3</dev/null
  mrsk_status=$?
  asked_before
  unset MRSK_CLAIM
  unguard
  if [ "$mrsk_status" = 0 ]
  then
    end_attempt succeeded 0
    return 0
  fi
  if [ -n "$mrsk_refused" ]
  then
    refuse
    return 1
  fi
  mrsk_ending=failed
  [ -e "$mrsk_dir/expired" ] && mrsk_ending=timed_out
  halted && mrsk_ending=stopped && mrsk_status=0
  [ "$mrsk_ending" = timed_out ] && cat "$mrsk_dir/expired" >>"$mrsk_dir/output"
  settle
  release_shared
  end_attempt "$mrsk_ending" "$mrsk_status"
  return 1
}
