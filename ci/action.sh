#!/usr/bin/env bash
# Runs maildoctor as the inputs of action.yml say, which are in the environment.
# It expects the program in MAILDOCTOR.
set -uo pipefail

wrong() { printf '::error title=maildoctor::%s\n' "$1"; exit 2; }

# list splits an input at blanks and line ends, and expands nothing in it.
list() { local -; set -f; local word; for word in $1; do printf '%s\n' "$word"; done; }

flags=() arguments=()
add() { flags+=("$1" "$2"); }

reports=true
case "${INPUT_COMMAND:-check}" in
  check) command=(check) ;;
  zone-lint) command=(zone lint) ;;
  report) command=(report) ;;
  plan) command=(plan) reports=false ;;
  *) wrong "command is check, zone-lint, plan or report, not ${INPUT_COMMAND//[^a-z-]/?}" ;;
esac

while IFS= read -r word; do
  case $word in
    -*) wrong "a domain does not begin with a dash; flags go into args" ;;
    *) arguments+=("$word") ;;
  esac
done < <(list "${INPUT_DOMAINS:-}")
while IFS= read -r file; do
  case "${command[*]}" in
    check | plan) add --zone "$file" ;;
    report) add --from "$file" ;;
    *) arguments+=("$file") ;;
  esac
done < <(list "${INPUT_ZONES:-}")

[ -z "${INPUT_FILE:-}" ] || add --file "$INPUT_FILE"
if $reports; then
  add --format github
  [ -z "${INPUT_FAIL_ON:-}" ] || add --fail-on "$INPUT_FAIL_ON"
  [ "${INPUT_STRICT:-false}" != true ] || flags+=(--strict)
  [ -z "${INPUT_BASELINE:-}" ] || add --baseline "$INPUT_BASELINE"
  [ -z "${INPUT_SARIF:-}" ] || add --format "sarif:$INPUT_SARIF"
  [ -z "${INPUT_REPORT:-}" ] || add --format "json:$INPUT_REPORT"
fi
if [ "${command[*]}" = check ]; then
  while IFS= read -r word; do flags+=("$word"); done < <(list "${INPUT_ARGS:-}")
elif [ "${INPUT_ARGS:-}" != --no-smtp ]; then # which is the default, and for check
  while IFS= read -r word; do flags+=("$word"); done < <(list "${INPUT_ARGS:-}")
fi

"${MAILDOCTOR:?names the program}" "${command[@]}" "${flags[@]}" -- ${arguments[@]+"${arguments[@]}"}
code=$?
[ -z "${GITHUB_OUTPUT:-}" ] || printf 'exit-code=%d\n' "$code" >>"$GITHUB_OUTPUT"
exit "$code"
