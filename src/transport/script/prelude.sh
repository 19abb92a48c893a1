umask 077
trap '' HUP PIPE
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
LC_ALL=C
export PATH LC_ALL
mrsk_nl='
'
mrsk_boot=
mrsk_clock=
mrsk_error=

# A line of the answer.
say() {
  printf '@mrsk %s\n' "$*"
}

# Ends the script with an error. Never to be called in a subshell.
die() {
  encode "$*"
  say error "$mrsk_field"
  say end
  exit 1
}

# Writes the line $2 into file $1. A kill may leave it empty, and a full disk torn: for files that nobody else reads yet, or whose readers see
# that. What fails is done again by a command that says why: it is in mrsk_error.
write_line() {
  { printf '%s\n' "$2" >"$1"; } 2>/dev/null && return 0
  mrsk_error=$( (printf '%s\n' "$2" 2>/dev/null | cat >"$1") 2>&1) && return 0
  mrsk_error="cannot write $1: $mrsk_error"
  return 1
}

# Replaces file $1 with the line $2, at once or not at all.
put() {
  if write_line "$1.$$" "$2"
  then
    mrsk_error=$(mv -f "$1.$$" "$1" 2>&1) && return 0
    mrsk_error="cannot write $1: $mrsk_error"
  fi
  rm -f "$1.$$"
  return 1
}

# As `put`, and what is written stays, also after a power cut: the file is on the disk before it has its name.
keep() {
  prepare "$1" "$2" && sync_to_disk "$1.kept.$$" && give_name "$1" && sync_to_disk "${1%/*}"
}

# Writes the line $2 beside file $1, under a name that nobody reads.
prepare() {
  write_line "$1.kept.$$" "$2"
}

# Replaces file $1 with what was prepared.
give_name() {
  mrsk_error=$(mv -f "$1.kept.$$" "$1" 2>&1) && return 0
  mrsk_error="cannot write $1: $mrsk_error"
  rm -f "$1.kept.$$"
  return 1
}

# Waits until these files and directories are on the disk. A sync that knows no files writes everything.
sync_to_disk() {
  sync "$@" 2>/dev/null || sync 2>/dev/null && return 0
  mrsk_error="cannot sync $1 to the disk"
  return 1
}

# Makes directory $1 and those above it.
make() {
  [ -d "$1" ] && return 0
  mrsk_error=$(mkdir -p "$1" 2>&1) || die "cannot create $1: $mrsk_error"
}

# Seconds of $1, which may have decimals where sleep knows them.
nap() {
  sleep "$1" 2>/dev/null || sleep 1
}

# Sets mrsk_up to the seconds since the machine started: no change of its clock touches them.
uptime() {
  read -r mrsk_up mrsk_rest </proc/uptime
  mrsk_up=${mrsk_up%%.*}
}

# Sets mrsk_now to the clock's seconds since 1970. The clock is asked once in a script; the rest is uptime.
now() {
  uptime
  if [ -z "$mrsk_clock" ]
  then
    mrsk_clock=$(($(date +%s) - mrsk_up))
  fi
  mrsk_now=$((mrsk_clock + mrsk_up))
}

# Sets mrsk_boot to the identity of the machine's present run.
boot() {
  [ -n "$mrsk_boot" ] || read -r mrsk_boot </proc/sys/kernel/random/boot_id
}

# Sets mrsk_state, mrsk_parent, mrsk_start and mrsk_session of process $1; fails if it is gone. Its name, in brackets, may hold anything.
process() {
  mrsk_stat=
  { read -r mrsk_stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  mrsk_stat=${mrsk_stat##*") "}
  set -- $mrsk_stat
  case $1 in
  Z | X | '') return 1 ;;
  esac
  mrsk_state=$1
  mrsk_parent=$2
  mrsk_session=$4
  mrsk_start=${20}
}

# What the host greets with may not end its line.
echo
