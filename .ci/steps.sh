# Steps side by side, for scripts with `set -euo pipefail`: `start NAME COMMAND ...` begins one in the background, and
# `finish NAME` waits for it, prints what it printed, and fails as it did. Those not finished are ended, and shown, with the
# script, unless it is killed by SIGKILL.
declare -A steps=()
logs="$(mktemp -d)"

start() {
  setsid "${@:2}" > "$logs/$1" 2>&1 < /dev/null &
  steps[$1]=$!
}

finish() {
  local ended=0
  echo "== $1"
  wait "${steps[$1]}" || ended=$?
  unset "steps[$1]"
  cat "$logs/$1"
  [ "$ended" -eq 0 ] || echo "$1 failed with exit status $ended"
  return "$ended"
}

end_steps() {
  local process name
  for process in "${steps[@]}"; do
    kill -- "-$process" 2> /dev/null || kill "$process" 2> /dev/null || true  # it and all that it started
  done
  for name in "${!steps[@]}"; do
    echo "== $name, not finished"
    cat "$logs/$name"
  done
  rm -rf "$logs"
}
trap end_steps EXIT
