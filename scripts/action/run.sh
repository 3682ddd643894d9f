#!/usr/bin/env bash
# The step "run" of action.yml: runs the command, keeps its reports, and ends
# with its exit status. Inputs are in ACTION_… variables.
set -euo pipefail

fail() {
    echo "::error title=Rehearsal::$*"
    exit 2
}

case $ACTION_COMMAND in
    "check idp" | "check sp" | "check scim" | "check leaver") forms=(junit html sarif) ;;
    run) forms=(junit html) ;;
    *) fail "invalid input command: expected check idp, check sp, check scim, check leaver or run, got '$ACTION_COMMAND'" ;;
esac
read -ra command <<<"$ACTION_COMMAND"

# One argument on each line, so that a value with spaces needs no quotes.
arguments=()
while IFS= read -r line; do
    line=${line%$'\r'}
    [ -z "$line" ] || arguments+=("$line")
done <<<"${ACTION_ARGUMENTS:-}"

mkdir -p "$ACTION_REPORTS"
for form in "${forms[@]}"; do
    case $form in
        junit) arguments+=(--junit "$ACTION_REPORTS/rehearsal.xml") ;;
        *) arguments+=("--$form" "$ACTION_REPORTS/rehearsal.$form") ;;
    esac
done

# Unset empty secrets, because an empty variable would be used as a secret.
give() {
    [ -z "$2" ] || export "$1=$2"
}
give REHEARSAL_SCIM_TOKEN "${ACTION_SCIM_TOKEN:-}"
give REHEARSAL_SCIM_BASIC "${ACTION_SCIM_BASIC:-}"
give REHEARSAL_CLIENT_SECRET "${ACTION_CLIENT_SECRET:-}"
give REHEARSAL_PASSWORD "${ACTION_PASSWORD:-}"
unset ACTION_SCIM_TOKEN ACTION_SCIM_BASIC ACTION_CLIENT_SECRET ACTION_PASSWORD

binary=${ACTION_BINARY:-rehearsal}
command -v "$binary" >/dev/null || fail "$binary not found; see the step before, or set the input binary"
status=0
"$binary" "${command[@]}" "${arguments[@]}" || status=$?
{
    echo "exit-status=$status"
    [ ! -e "$ACTION_REPORTS/rehearsal.sarif" ] || echo "sarif=$ACTION_REPORTS/rehearsal.sarif"
} >>"$GITHUB_OUTPUT"
exit "$status"
