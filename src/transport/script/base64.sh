# Base64 without a process, for what is short and plain, as most of what is told and noted here.
mrsk_alphabet=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/
mrsk_printable=' !"#$%&'\''()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefghijklmnopqrstuvwxyz{|}~'
# The most characters that are coded here.
mrsk_short=2000

# Sets mrsk_field to the text $1 as one field of a line, `-` if it is empty. If it cannot be encoded, no reader takes the field for a value.
encode() {
  mrsk_field=-
  case $1 in
  '') ;;
  *[!\ -~"$mrsk_nl"]*) encode_by_program "$1" ;;
  *)
    if [ "${#1}" -le "$mrsk_short" ]
    then
      encode_here "$1"
    else
      encode_by_program "$1"
    fi
    ;;
  esac
}

encode_by_program() {
  mrsk_field=$(printf '%s' "$1" | base64) && join_field || mrsk_field='!'
}

# Sets mrsk_field to the bytes of the standard input.
encode_input() {
  mrsk_field=$(base64) && join_field || mrsk_field='!'
}

# Takes the line ends out of mrsk_field.
join_field() {
  mrsk_ifs=$IFS
  IFS=$mrsk_nl
  set -f
  set -- $mrsk_field
  IFS=
  mrsk_field=$*
  set +f
  IFS=$mrsk_ifs
  mrsk_field=${mrsk_field:--}
}

# Three characters at a time become four numbers of 6 bits.
encode_here() {
  mrsk_field=
  mrsk_coded=$1
  set -- A B C D E F G H I J K L M N O P Q R S T U V W X Y Z a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9 + /
  while [ -n "$mrsk_coded" ]
  do
    mrsk_bits=0
    mrsk_taken=0
    while [ "$mrsk_taken" -lt 3 ] && [ -n "$mrsk_coded" ]
    do
      mrsk_char=${mrsk_coded%"${mrsk_coded#?}"}
      mrsk_coded=${mrsk_coded#?}
      mrsk_lower=${mrsk_printable%%"$mrsk_char"*}
      mrsk_number_of=$((${#mrsk_lower} + 32))
      [ "$mrsk_char" != "$mrsk_nl" ] || mrsk_number_of=10
      mrsk_bits=$((mrsk_bits << 8 | mrsk_number_of))
      mrsk_taken=$((mrsk_taken + 1))
    done
    mrsk_bits=$((mrsk_bits << 8 * (3 - mrsk_taken)))
    eval "mrsk_char=\${$((1 + (mrsk_bits >> 18)))}\${$((1 + (mrsk_bits >> 12 & 63)))}\${$((1 + (mrsk_bits >> 6 & 63)))}\${$((1 + (mrsk_bits & 63)))}"
    case $mrsk_taken in
    1) mrsk_char=${mrsk_char%??}== ;;
    2) mrsk_char=${mrsk_char%?}= ;;
    esac
    mrsk_field=$mrsk_field$mrsk_char
  done
}

# Sets mrsk_text to the text that file $1 has in base64, without line ends after it. Fails if there is none.
decode_file() {
  mrsk_text=
  mrsk_coded=
  [ -s "$1" ] || return 1
  { read -r mrsk_coded && ! read -r mrsk_lower; } 2>/dev/null <"$1" && decode_here "$mrsk_coded" || mrsk_text=$(base64 -d <"$1" 2>/dev/null)
  while :
  do
    case $mrsk_text in
    *"$mrsk_nl") mrsk_text=${mrsk_text%"$mrsk_nl"} ;;
    *) break ;;
    esac
  done
  [ -n "$mrsk_text" ]
}

# Sets mrsk_text to the text that $1 is in base64, if it is short and plain. Four characters at a time become three.
decode_here() {
  mrsk_text=
  mrsk_coded=$1
  case ${#1}$1 in
  0 | *[!A-Za-z0-9+/=]*) return 1 ;;
  esac
  [ "${#1}" -le "$mrsk_short" ] || return 1
  set -- ' ' '!' '"' '#' '$' % '&' "'" '(' ')' '*' + , - . / 0 1 2 3 4 5 6 7 8 9 : ';' '<' = '>' '?' @ A B C D E F G H I J K L M N O P Q R S T U V W X Y Z '[' '\' ']' ^ _ '`' a b c d e f g h i j k l m n o p q r s t u v w x y z '{' '|' '}' '~'
  while [ -n "$mrsk_coded" ]
  do
    mrsk_bits=0
    mrsk_taken=0
    mrsk_bytes=3
    while [ "$mrsk_taken" -lt 4 ]
    do
      mrsk_char=${mrsk_coded%"${mrsk_coded#?}"}
      mrsk_coded=${mrsk_coded#?}
      mrsk_lower=${mrsk_alphabet%%"$mrsk_char"*}
      case $mrsk_char in
      '') return 1 ;;
      =)
        mrsk_lower=
        mrsk_bytes=$((mrsk_bytes - 1))
        ;;
      esac
      mrsk_bits=$((mrsk_bits << 6 | ${#mrsk_lower}))
      mrsk_taken=$((mrsk_taken + 1))
    done
    for mrsk_number_of in $((mrsk_bits >> 16)) $((mrsk_bits >> 8 & 255)) $((mrsk_bits & 255))
    do
      [ "$mrsk_bytes" -gt 0 ] || break
      mrsk_bytes=$((mrsk_bytes - 1))
      if [ "$mrsk_number_of" = 10 ]
      then
        mrsk_text=$mrsk_text$mrsk_nl
      elif [ "$mrsk_number_of" -ge 32 ] && [ "$mrsk_number_of" -le 126 ]
      then
        eval "mrsk_text=\$mrsk_text\${$((mrsk_number_of - 31))}"
      else
        return 1
      fi
    done
  done
}
