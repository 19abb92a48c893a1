# What adds the files of directory $1 to directory $2: those that it has not, each by a rename. A link in $2 is not followed.
mrsk_merge='umask 022
cd -P "$1" && into=$(cd -P "$2" && pwd -P) || exit 1
export into
find . -type d -exec sh -c '\''
is_own() { [ "$(cd -P "$into/$1" 2>/dev/null && pwd -P)" = "$into${1#.}" ]; }
for at
do
  [ "$at" = . ] || is_own "${at%/*}" || continue
  [ -e "$into/$at" ] || [ -h "$into/$at" ] || mkdir "$into/$at" || exit 1
  is_own "$at" || continue
  for file in "$at"/* "$at"/.[!.]* "$at"/..?*
  do
    [ -f "$file" ] || [ -h "$file" ] || continue
    [ -e "$into/$file" ] || [ -h "$into/$file" ] && continue
    cp -pP "$file" "$into/$file.mrsk-part" && mv -f "$into/$file.mrsk-part" "$into/$file" || exit 1
  done
done'\'' sh {} +'

# Adds the files of directory $1 that directory $2 has not to it.
merge() {
  stopped && return 143
  spawn sh -c "$mrsk_merge" merge "$1" "$2"
}
