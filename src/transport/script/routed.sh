# `routed`, which stays for ever: a line for each route that has sent requests to a container, ROLE VERSION DIGEST CONTAINER TIME PLAN
# OPERATION WHO. The attempt keeps what it is about to do in `route`, which is emptied when the line is there.

# Appends the lines $2 to file $1, behind a last line that a kill or a full disk has left torn. Why it failed is in mrsk_error. No
# subshell writes: it would outlive a script that is killed, and write beside the next one.
append() {
  mrsk_break=
  [ -z "$(tail -c 1 "$1" 2>/dev/null)" ] || mrsk_break=$mrsk_nl
  { printf '%s%s\n' "$mrsk_break" "$2" >>"$1"; } 2>/dev/null && return 0
  mrsk_error=$( (echo | cat >>"$1") 2>&1)
  mrsk_error="cannot write $1: $mrsk_error"
  return 1
}

# Keeps what this attempt routes: role $1, version $2, container $3, the image's repository $4. It has done so if the file $5 holds $6. It is
# part of the operation $7 of whom $8 names.
will_route() {
  see "$3"
  mrsk_digest=-
  for mrsk_reference in $(docker image inspect --format '{{range .RepoDigests}}{{.}} {{end}}' "${mrsk_image:--}" 2>/dev/null </dev/null)
  do
    [ "$mrsk_digest" = - ] || [ "${mrsk_reference%@*}" = "$4" ] || continue
    mrsk_digest=${mrsk_reference##*@}
  done
  write_line "$mrsk_dir/route" "$1 $2 $mrsk_digest $3 $6 $5$mrsk_nl$7 $8" && return 0
  printf '%s\n' "$mrsk_error"
  return 1
}

# Enters that this attempt has routed. A failure is noted: the switch stands.
has_routed() {
  now
  enter_route "$mrsk_dir" "$mrsk_now" || printf '%s\n' "$mrsk_error"
  return 0
}

# Enters the route of attempt directory $1 at the time $2, once. The line stands in the attempt first: it stays the same if this is cut off.
enter_route() {
  [ -s "$1/route" ] || return 0
  mrsk_role=
  mrsk_origin=
  { read -r mrsk_role mrsk_version mrsk_digest mrsk_container mrsk_rest && read -r mrsk_origin; } 2>/dev/null <"$1/route"
  [ -n "$mrsk_role" ] || return 0
  mrsk_digits=${1#"$mrsk_base/runs/"}
  mrsk_origin=${mrsk_origin:+" ${mrsk_digits%%/*} $mrsk_origin"}
  mrsk_line=
  { read -r mrsk_line <"$1/routed"; } 2>/dev/null
  if [ -n "$mrsk_line" ]
  then
    grep -qxF -- "$mrsk_line" "$mrsk_base/routed" 2>/dev/null || append "$mrsk_base/routed" "$mrsk_line" || return 1
  else
    mrsk_line="$mrsk_role $mrsk_version $mrsk_digest $mrsk_container $2$mrsk_origin"
    if ! write_line "$1/routed" "$mrsk_line"
    then
      : >"$1/routed"
      return 1
    fi
    append "$mrsk_base/routed" "$mrsk_line" || return 1
  fi
  : >"$1/route"
}

# Enters the routes of attempts that ended before they did so themselves: by their receipt, else by the routing file.
enter_lost_routes() {
  for mrsk_entry in "$mrsk_base"/runs/*/*/*/route
  do
    [ -s "$mrsk_entry" ] || continue
    mrsk_at=${mrsk_entry%/route}
    mrsk_step=${mrsk_at%/*}
    if ! receipt "$mrsk_at"
    then
      alive "$mrsk_at" "${mrsk_step##*/}" "${mrsk_at##*/}" && continue
      receipt "$mrsk_at" || mrsk_receipt='lost'
    fi
    case $mrsk_receipt in
    'succeeded '*) ;;
    lost) [ -f "$mrsk_at/routed" ] || has_taken_effect "$mrsk_at" || mrsk_receipt= ;;
    *) mrsk_receipt= ;;
    esac
    if [ -z "$mrsk_receipt" ]
    then
      rm -f "$mrsk_at/route"
    else
      enter_route "$mrsk_at" "$(date -r "$mrsk_at/route" +%s)" || return 1
    fi
  done
  return 0
}

# Whether the routing file is the one of attempt directory $1.
has_taken_effect() {
  read -r mrsk_role mrsk_version mrsk_digest mrsk_container mrsk_token mrsk_file <"$1/route"
  grep -qF -- "$mrsk_token" "$mrsk_file" 2>/dev/null
}
