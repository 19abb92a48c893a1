#!/bin/sh
# The host's sh. It reads a script of the runner, and lies where $ROOT/lie.REQUEST says how; to all else it is honest.
[ "$#" = 0 ] || exec /bin/sh "$@"
script=$(mktemp "$ROOT/script.XXXXXX")
cat >"$script"
request=$(tail -n 4 "$script" | head -n 1)
request=${request%% *}
request=${request#watched_}
lie=$ROOT/lie.${request:-facts}
[ -e "$lie" ] || exec /bin/sh "$script"
step=$(sed -n "s/^attempt '\{0,1\}\([0-9a-f]*\).*/\1/p; s/^mrsk_step='\{0,1\}\([0-9a-f]*\).*/\1/p" "$script")
run=$(sed -n "s/^mrsk_run='\{0,1\}\([^']*\).*/\1/p" "$script")
other=$(cat "$ROOT/other")
say() {
    printf '@mrsk %s\n' "$*"
}
echo x >>"$ROOT/lied"
. "$lie"
