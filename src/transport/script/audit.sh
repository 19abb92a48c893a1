# The audit log of a service and destination (mrsk_log, in the login directory): lines that are made of what attempts have left, each once.
# An attempt that the log tells of has the mark `audited`; one without a receipt, `audited.lost`.

# The size at which the audit log starts afresh, and the most that it shows of the answers that users get.
mrsk_audit_bytes=1048576
mrsk_answer_bytes=1000

# Appends the lines $1 to the audit log, which starts afresh when it has reached its size.
audit() {
  mrsk_size=0
  [ -f "$mrsk_log" ] && mrsk_size=$(wc -c <"$mrsk_log")
  if [ "$mrsk_size" -ge "$mrsk_audit_bytes" ] && ! mrsk_error=$(mv -f "$mrsk_log" "$mrsk_log.1" 2>&1)
  then
    mrsk_error="cannot rename $mrsk_log: $mrsk_error"
    return 1
  fi
  append "$mrsk_log" "$1"
}

# Sets mrsk_unaudited to the attempts that the audit log may lack, of the plan whose digits are $1, or of all if that is *:
# DIGEST/STEP/ATTEMPT/FILE, in the order of the files' times.
find_unaudited() {
  mrsk_unaudited=
  mrsk_found=
  mrsk_here=$PWD
  cd "$mrsk_base/runs" 2>/dev/null || return 0
  set -- $1/*/*/claim
  for mrsk_entry in "$@"
  do
    mrsk_entry=${mrsk_entry%/claim}
    [ -f "$mrsk_entry/claim" ] && ! [ -e "$mrsk_entry/audited" ] || continue
    if [ -f "$mrsk_entry/receipt" ]
    then
      mrsk_found="$mrsk_found $mrsk_entry/receipt"
    elif ! [ -e "$mrsk_entry/audited.lost" ]
    then
      mrsk_found="$mrsk_found $mrsk_entry/claim"
    fi
  done
  case $mrsk_found in
  ' '*' '*) mrsk_unaudited=$(ls -tr $mrsk_found) ;;
  *) mrsk_unaudited=$mrsk_found ;;
  esac
  cd "$mrsk_here" || die "cannot go back to $mrsk_here"
}

# Sets mrsk_line to what the audit log is to say of attempt $1 (DIGEST/STEP/ATTEMPT), and mrsk_mark to the file that says that it does.
# Fails if nothing is to be said, or not yet.
describe() {
  mrsk_at=$mrsk_base/runs/$1
  mrsk_digits=${1%%/*}
  mrsk_number=${1##*/}
  mrsk_step=${1%/*}
  mrsk_step=${mrsk_step#*/}
  mrsk_mark=$1/audited
  if ! receipt "$mrsk_at"
  then
    alive "$mrsk_at" "$mrsk_step" "$mrsk_number" && return 1
    receipt "$mrsk_at" || mrsk_mark=$1/audited.lost
  fi
  mrsk_line=
  mrsk_answer=
  # What a person has said about it.
  [ "$mrsk_mark" = "$1/audited" ] && [ -f "$mrsk_at/line" ] && read -r mrsk_line <"$mrsk_at/line" && return 0
  mrsk_subject=
  { read -r mrsk_begun && read -r mrsk_subject; } 2>/dev/null <"$mrsk_at/claim"
  [ -n "$mrsk_subject" ] || mrsk_subject="[unknown] plan $(printf %.12s "$mrsk_digits") step $mrsk_step"
  if [ "$mrsk_mark" = "$1/audited" ]
  then
    say_how <"$mrsk_at/receipt"
  else
    mrsk_time=$(date -u -r "$mrsk_at/claim" +%Y-%m-%dT%H:%M:%SZ)
    mrsk_how='left no receipt'
  fi
  [ "$mrsk_number" = 1 ] || mrsk_how="$mrsk_how (attempt $mrsk_number)"
  mrsk_line="[$mrsk_time] $mrsk_subject $mrsk_how$mrsk_answer"
}

# Sets mrsk_time to the date and time in UTC at $1 seconds after 1970 began. Years are counted from March on, so that a leap day is the last.
tell_time() {
  mrsk_days=$(($1 / 86400 + 719468))
  mrsk_era=$((mrsk_days / 146097))
  mrsk_days=$((mrsk_days % 146097))
  mrsk_years=$(((mrsk_days - mrsk_days / 1460 + mrsk_days / 36524 - mrsk_days / 146096) / 365))
  mrsk_days=$((mrsk_days - 365 * mrsk_years - mrsk_years / 4 + mrsk_years / 100))
  mrsk_months=$(((5 * mrsk_days + 2) / 153))
  mrsk_days=$((mrsk_days - (153 * mrsk_months + 2) / 5 + 1))
  mrsk_years=$((mrsk_era * 400 + mrsk_years + mrsk_months / 10))
  mrsk_months=$(((mrsk_months + 2) % 12 + 1))
  mrsk_time=$mrsk_years
  for mrsk_word in "-$((mrsk_months + 100))" "-$((mrsk_days + 100))" "T$(($1 / 3600 % 24 + 100))" ":$(($1 / 60 % 60 + 100))" ":$(($1 % 60 + 100))Z"
  do
    mrsk_time=$mrsk_time${mrsk_word%%1*}${mrsk_word#?1}
  done
}

# Sets mrsk_time, mrsk_how and mrsk_answer to what the receipt on standard input says. A digest is no answer that users get.
say_how() {
  read -r mrsk_ending mrsk_code mrsk_by mrsk_from mrsk_until mrsk_value mrsk_rest
  tell_time "$mrsk_until"
  case $mrsk_ending:$mrsk_code in
  timed_out:*) mrsk_how='timed out' ;;
  superseded:*)
    mrsk_how='ended by another plan'
    return 0
    ;;
  uncleaned:*) mrsk_how="failed with status $mrsk_code, cleanup skipped: another plan had begun" ;;
  *:0) mrsk_how=$mrsk_ending ;;
  *) mrsk_how="$mrsk_ending with status $mrsk_code" ;;
  esac
  case $mrsk_value in
  # `sha256:` in base64.
  - | c2hhMjU2O[g-v]*) return 0 ;;
  esac
  mrsk_answer=
  if decode_here "$mrsk_value"
  then
    case $mrsk_text in
    *"$mrsk_nl"*) ;;
    *) mrsk_answer=$mrsk_text ;;
    esac
  fi
  [ -n "$mrsk_answer" ] && [ "${#mrsk_answer}" -le "$mrsk_answer_bytes" ] || mrsk_answer=$(printf %s "$mrsk_value" | base64 -d 2>/dev/null | head -c "$mrsk_answer_bytes" | tr '\000-\037\177' ' ')
  case $mrsk_answer in
  '' | sha256:*) mrsk_answer= ;;
  *) mrsk_answer=": $mrsk_answer" ;;
  esac
}

# Brings the audit log up to date with the attempts at the steps of the plan whose digits are $1, or of all plans if that is *. A line that
# is there without its mark is not written again. Why it failed is in mrsk_error.
audit_attempts() {
  mrsk_lines_left=
  mrsk_marks=
  find_unaudited "$1"
  for mrsk_which in $mrsk_unaudited
  do
    describe "${mrsk_which%/*}" || continue
    mrsk_marks="$mrsk_marks $mrsk_mark"
    mrsk_lines_left=$mrsk_lines_left${mrsk_lines_left:+$mrsk_nl}$mrsk_line
  done
  leave_out_audited
  [ -z "$mrsk_missing" ] || audit "$mrsk_missing" || return 1
  for mrsk_mark in $mrsk_marks
  do
    { printf '' >"$mrsk_base/runs/$mrsk_mark"; } 2>/dev/null
  done
  return 0
}

# Sets mrsk_missing to those of the lines mrsk_lines_left that the audit log does not have.
leave_out_audited() {
  mrsk_missing=
  [ -n "$mrsk_lines_left" ] || return 0
  mrsk_there=$mrsk_nl$(grep -hxF -e "$mrsk_lines_left" "$mrsk_log" "$mrsk_log.1" 2>/dev/null)$mrsk_nl
  mrsk_ifs=$IFS
  IFS=$mrsk_nl
  set -f
  for mrsk_line in $mrsk_lines_left
  do
    case $mrsk_there in
    *"$mrsk_nl$mrsk_line$mrsk_nl"*) ;;
    *) mrsk_missing=$mrsk_missing${mrsk_missing:+$mrsk_nl}$mrsk_line ;;
    esac
  done
  set +f
  IFS=$mrsk_ifs
}

# Enters what attempts have left, of all plans.
catch_up() {
  enter_lost_routes
  audit_attempts '*'
}

# Brings the audit log up to date, if the fence names this run.
write_audit() {
  if ! fenced
  then
    say refused
    return 0
  fi
  catch_up || die "$mrsk_error"
  say written
}

# The text of the audit log, of the one that it was rotated from, and what it does not say yet. Of a step that runs elsewhere it is not
# known here whether it still does.
show() {
  if [ -e "$mrsk_log" ] && { ! [ -f "$mrsk_log" ] || ! [ -r "$mrsk_log" ]; }
  then
    die "cannot read $mrsk_log in $PWD"
  fi
  find_unaudited '*'
  mrsk_lines_left=
  for mrsk_which in $mrsk_unaudited
  do
    describe "${mrsk_which%/*}" || continue
    mrsk_pid=
    { read -r mrsk_pid mrsk_rest; } 2>/dev/null <"$mrsk_at/claim"
    [ "$mrsk_pid:${mrsk_mark##*.}" = 0:lost ] || mrsk_lines_left=$mrsk_lines_left${mrsk_lines_left:+$mrsk_nl}$mrsk_line
  done
  leave_out_audited
  {
    cat "$mrsk_log.1" "$mrsk_log" 2>/dev/null
    [ -z "$(tail -c 1 "$mrsk_log" 2>/dev/null)" ] || echo
    [ -z "$mrsk_missing" ] || printf '%s\n' "$mrsk_missing"
  } | encode_text
}

# Says its standard input.
encode_text() {
  encode_input
  say text "$mrsk_field"
}
