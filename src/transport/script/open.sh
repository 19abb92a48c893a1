# Whether release commands or hooks of the plan that the lock names were begun on this host and have not ended. Sets mrsk_open to what they
# say about themselves, a word for each.
has_open() {
  mrsk_open=
  [ -n "$mrsk_plan_in_lock" ] || return 1
  find_base
  for mrsk_entry in "$mrsk_base/runs/${mrsk_plan_in_lock#*:}"/*/*/claim
  do
    mrsk_entry=${mrsk_entry%/claim}
    mrsk_kind=
    { read -r mrsk_kind mrsk_rest <"$mrsk_entry/about"; } 2>/dev/null
    case $mrsk_kind in
    release | pre_hook | post_hook) ;;
    *) continue ;;
    esac
    [ -e "$mrsk_entry/claim" ] && ! grep -q ' end$' "$mrsk_entry/receipt" 2>/dev/null || continue
    encode_input <"$mrsk_entry/about"
    mrsk_open="$mrsk_open $mrsk_field"
  done
  [ -n "$mrsk_open" ]
}
