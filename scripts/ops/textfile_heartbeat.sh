#!/bin/bash
# textfile_heartbeat.sh - one heartbeat of this host for Prometheus, by two independent paths.
#
# Usage: textfile_heartbeat.sh [--help]      cron: * * * * * /path/to/textfile_heartbeat.sh
# Needs: bash 4.4, curl, flock (util-linux), GNU coreutils.
#
# Publishes duri_textfile_heartbeat_ts (Unix time, seconds) and duri_textfile_heartbeat_seq (counts beats) as two
# .prom files for node-exporter, and by a push to the Pushgateway. Says nothing when both paths delivered.
#
# Environment (a variable that is empty counts as not set):
#   DURI_PUSHGATEWAY_URL  http://127.0.0.1:9091  base URL, without user name or password; no proxy is ever used
#   DURI_TEXTFILE_DIR     /var/lib/node_exporter/textfile_collector  must exist: node-exporter reads it
#   DURI_STATE_DIR        /var/lib/duri  sequence and lock; made when missing; must survive a restart of the host
#   DURI_REALM            prod           the realm of both metrics, on both paths
#   DURI_BASIC_AUTH_FILE  (none)         file whose first line is USER:PASSWORD for the Pushgateway
#   DURI_CA_FILE          (none)         PEM file of the authority that signed the Pushgateway's certificate
#   DURI_REALM_LABEL      metric_realm   the label that carries the realm, DURI_REALM
#   DURI_TIME_METRIC      duri_textfile_heartbeat_ts   these four: as prometheus/contract.yml names them
#   DURI_SEQUENCE_METRIC  duri_textfile_heartbeat_seq
#   DURI_JOB              duri_heartbeat grouping key of the push, with
#   DURI_INSTANCE         local
#   DURI_LOCK_SECONDS     5              longest wait for another run
#   DURI_CONNECT_SECONDS  2              longest wait for the connection to the Pushgateway
#   DURI_PUSH_SECONDS     5              longest push
#
# Exit codes:
#   0   both paths delivered
#   1   one path failed, or the sequence could not be kept (stderr says which); the rest was delivered
#   2   usage, nothing was done     69  nothing delivered     75  another run holds the lock, nothing was done
#
# Sequence: one more than the largest number in the state file and in the .prom file, stored before it is published.
# When the state file is lost or unusable, also more than the Pushgateway shows and than the clock in milliseconds,
# which no host that beats less than 1000 times a second has reached. The lock is held until the push has ended, so
# numbers arrive in order.

set -euo pipefail
shopt -s nullglob
export LC_ALL=C # decimal points and byte-wise patterns in every locale
umask 022       # node-exporter must be able to read the .prom files: mode 0644

readonly EXACT=9007199254740992 # 2^53: above it, a sample cannot hold every whole number

# A closed stderr must not end a run that can still deliver.
say() { printf '%s: %s\n' "${0##*/}" "$1" >&2 || true; }
die() { say "$2" && exit "$1"; }

show_help() {
  local line
  while IFS= read -r line && [[ $line == '#'* ]]; do
    line=${line#\#}
    [[ $line == '!'* ]] || printf '%s\n' "${line# }"
  done <"${BASH_SOURCE[0]}"
}

read_settings() {
  url=${DURI_PUSHGATEWAY_URL:-http://127.0.0.1:9091} realm=${DURI_REALM:-prod}
  state_dir=${DURI_STATE_DIR:-/var/lib/duri}
  textfile_dir=${DURI_TEXTFILE_DIR:-/var/lib/node_exporter/textfile_collector}
  lock_seconds=${DURI_LOCK_SECONDS:-5} connect_seconds=${DURI_CONNECT_SECONDS:-2} push_seconds=${DURI_PUSH_SECONDS:-5}
  url=${url%/} state=$state_dir/sequence
  readonly TS=${DURI_TIME_METRIC:-duri_textfile_heartbeat_ts} SEQ=${DURI_SEQUENCE_METRIC:-duri_textfile_heartbeat_seq}
  readonly LABEL=${DURI_REALM_LABEL:-metric_realm} JOB=${DURI_JOB:-duri_heartbeat} INSTANCE=${DURI_INSTANCE:-local}
  [[ $TS:$SEQ =~ ^[A-Za-z_][A-Za-z0-9_]*:[A-Za-z_][A-Za-z0-9_]*$ && $TS != "$SEQ" && $LABEL =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] ||
    die 2 "DURI_*_METRIC, DURI_REALM_LABEL: expected two names and a label, found ${TS@Q}, ${SEQ@Q}, ${LABEL@Q}"
  [[ $JOB/$INSTANCE =~ ^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}/[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}$ ]] ||
    die 2 "DURI_JOB, DURI_INSTANCE: expected letters, digits and _ . : -, found ${JOB@Q}, ${INSTANCE@Q}"
  [[ $realm =~ ^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}$ ]] ||
    die 2 "DURI_REALM: expected letters, digits and _ . : - (at most 64), found ${realm@Q}"
  [[ $url =~ ^https?://[^[:space:][:cntrl:]@?#]+$ ]] ||
    die 2 'DURI_PUSHGATEWAY_URL: expected http://HOST:PORT, without user name, password and query (value not shown)'
  local seconds
  for seconds in "$lock_seconds" "$connect_seconds" "$push_seconds"; do
    [[ $seconds =~ ^[0-9]{1,2}(\.[0-9]{1,3})?$ && $seconds == *[1-9]* ]] ||
      die 2 "DURI_*_SECONDS: expected a time from 0.001 to 99 seconds, found ${seconds@Q}"
  done
}

name_holder() { # LOCK: the process that signed it or, if that is gone, the one that the kernel knows
  local pid='' kind owner file inode words=()
  read -r pid <"$1" || true           # nobody has signed it: the kernel is asked next
  inode=$(stat -c %i -- "$1") || true # without it nobody is found, and the message says so
  while [[ ! -d /proc/${pid:-none} ]] && read -r _ kind _ _ owner file _; do
    [[ $kind$file == FLOCK*:"$inode" ]] && pid=$owner
  done </proc/locks
  [[ -r /proc/${pid:-none}/cmdline ]] && mapfile -d '' -t words <"/proc/$pid/cmdline"
  printf 'pid %s (%s)' "${pid:-unknown}" "${words[*]:-it has ended; a process that it started, or the run after it, holds the lock}"
}

# Children keep the lock open on purpose: the push of a run that was killed still keeps later runs from overtaking it.
take_lock() {
  local lock=$state_dir/lock status=0
  [[ -d $state_dir ]] || mkdir -p -- "$state_dir" || die 69 "cannot make the folder $state_dir; nothing delivered"
  { exec 9<>"$lock" || exec 9<"$lock" || exec 9<"$state_dir"; } 2>/dev/null ||
    die 69 "cannot open $lock; nothing delivered"
  flock -E 75 -w "$lock_seconds" 9 || status=$?
  ((status != 75)) || die 75 "waited $lock_seconds s for $lock, held by $(name_holder "$lock"); nothing was done"
  ((status == 0)) || die 69 "cannot lock $lock, flock ended with status $status; nothing delivered"
  { printf '%-19s\n' "$$" >&9; } 2>/dev/null || true # a lock that cannot be signed is held all the same
}

# The last word is true: that a number is passed over is no failure.
exceed() { # NUMBER: makes seq larger than it; anything that is no whole number of samples is passed over
  [[ $1 =~ ^[0-9]{1,16}$ ]] && ((10#$1 >= seq && 10#$1 < EXACT)) && seq=$((10#$1 + 1)) || true
}

exceed_samples() { # reads the text format
  local name value
  while read -r name value; do
    [[ $name == "$SEQ{"* ]] || continue
    printf -v value '%.0f' "$value" 2>/dev/null || true # the Pushgateway writes 1.764e+12
    exceed "$value"
  done
}

next_sequence() {
  local stored='' shown=''
  seq=0
  # A whole state file is short, ends in a newline and has no NUL, at which `read` would stop with status 0.
  [[ -f $state ]] && IFS= read -r -d '' -n 20 stored <"$state" && stored=''
  [[ $stored == *$'\n' ]] && exceed "${stored%$'\n'}"
  if ((seq == 0)); then
    exceed "$clock_ms"
    # A Pushgateway that fails here gets less time for the push: the whole run stays within the limit of one push.
    shown=$(gateway "$connect_seconds" "$url/metrics" 2>/dev/null) || push_seconds=$connect_seconds
    exceed_samples < <(printf '%s\n' "$shown")
  fi
  [[ -f $textfile_dir/$SEQ.prom && -r $textfile_dir/$SEQ.prom ]] && exceed_samples <"$textfile_dir/$SEQ.prom" || true
}

keep_sequence() {
  local temporary=$state_dir/.sequence.$$.tmp
  { printf '%d\n' "$seq" >"$temporary" && mv -fT -- "$temporary" "$state"; } 2>/dev/null && return
  rm -f -- "$temporary"
  { printf '%d\n' "$seq" 1<>"$state"; } 2>/dev/null && return # a full disk still lets bytes be replaced in place
  exceed "$clock_ms"
  return 1
}

write_files() {
  local name temporary
  for name in "$TS" "$SEQ"; do
    temporary=$textfile_dir/.$name.$$.tmp
    printf '%s' "${texts[$name]}" >"$temporary" && mv -fT -- "$temporary" "$textfile_dir/$name.prom" && continue
    rm -f -- "$temporary"
    return 1
  done
}

# Becomes curl, so call it in a subshell only. Credentials go by a pipe, so that `ps` cannot show them.
gateway() { # LIMIT_SECONDS CURL_ARGUMENTS
  local user limit=$1 options=()
  exec </dev/null
  if [[ ${DURI_BASIC_AUTH_FILE:-} ]]; then
    IFS= read -r user <"$DURI_BASIC_AUTH_FILE" || [[ $user ]] || exit
    user=${user%$'\r'} user=${user//\\/\\\\} user=${user//\"/\\\"}
    exec < <(printf 'user = "%s"' "$user")
  fi
  [[ ${DURI_CA_FILE:-} ]] && options=(--cacert "$DURI_CA_FILE")
  exec curl --disable --config - --silent --show-error --globoff --noproxy '*' \
    --connect-timeout "$connect_seconds" --max-time "$limit" "${options[@]}" "${@:2}"
}

# PUT replaces the group as a whole: nothing that an older version of this script pushed stays in it.
push() {
  local answer status=0 code
  command -v curl >/dev/null || { say "push failed: there is no curl in PATH=$PATH" && return 1; }
  answer=$(gateway "$push_seconds" --request PUT --header 'Content-Type: text/plain; version=0.0.4' \
    --data-binary "${texts[$TS]}${texts[$SEQ]}" --write-out '\n%{http_code}' \
    "$url/metrics/job/$JOB/instance/$INSTANCE" 2>&1) || status=$?
  code=${answer##*$'\n'} answer=${answer%$'\n'*}
  ((status == 0)) && [[ $code == 2?? ]] && return
  ((status == 0)) && answer="rejected with HTTP status $code: $answer"
  answer=${answer//[[:cntrl:]]/ }
  say "push to $url failed: ${answer:0:500}"
  return 1
}

read_clock() {
  now=${EPOCHREALTIME:-$(date +%s.%N)} || true # bash 4 has no EPOCHREALTIME
  [[ $now =~ ^([0-9]{1,12})\.([0-9]{3})[0-9]{3,6}$ ]] ||
    die 69 "expected Unix time with a fraction from the clock, found ${now@Q}; nothing delivered"
  clock_ms=${BASH_REMATCH[1]}${BASH_REMATCH[2]}
}

expose() { # NAME VALUE HELP: one metric in the text format, the same on both paths
  printf -v "texts[$1]" '# HELP %s %s\n# TYPE %s gauge\n%s{%s="%s"} %s\n' "$1" "$3" "$1" "$1" "$LABEL" "$realm" "$2"
}

main() {
  local kept=0 written=0 pushed=0 leftovers
  declare -gA texts
  [[ $* != --help ]] || { show_help && exit; }
  (($# == 0)) || die 2 "expected no argument but --help, found ${*@Q}"
  read_settings
  take_lock
  # Of runs that were killed.
  leftovers=("$state_dir"/.sequence.*.tmp "$textfile_dir"/."$TS".*.tmp "$textfile_dir"/."$SEQ".*.tmp)
  ((${#leftovers[@]} == 0)) || rm -f -- "${leftovers[@]}" || true
  read_clock
  next_sequence
  keep_sequence || { kept=1 && say "cannot keep the sequence in $state; counting by the clock"; }
  expose "$TS" "$now" 'Unix time of the last heartbeat, in seconds.'
  expose "$SEQ" "$seq" 'Number of the last heartbeat of this writer.'
  push & # at the same time, so that neither path waits for the other
  write_files || { written=1 && say "cannot write the .prom files in $textfile_dir"; }
  wait "$!" || pushed=1
  ((written + pushed < 2)) || exit 69
  exit $((kept | written | pushed))
}

main "$@"
