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
#   DURI_STATE_DIR        /var/lib/duri  sequence and lock; made with mode 0700; must survive a restart of the host
#   DURI_REALM            prod           the realm of both metrics, on both paths
#   DURI_BASIC_AUTH_FILE  (none)         file whose first line is USER:PASSWORD for the Pushgateway, below 1 KiB
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
#
# Folders: the state folder must belong to the user of the script or to root, and nobody else may write to it (with the
# sticky bit others may: they can keep the script from its lock, exit 69, but not hold it). In the folder of the text
# files others may do what they like: no link of theirs is followed, and no file of theirs is read, written, removed or
# waited for; a .prom file that is theirs is left, exit 1. Writers with state folders of their own may share it. The
# folders above both are trusted. Sharp edge: in a state folder that is read-only and has no lock, the folder is locked
# instead of a file, and every user who may read it can hold that lock (exit 75).
#
# Gateway: a push has arrived when the answer is 2xx and empty, as a Pushgateway's is; no redirect is followed. Of any
# answer 8 KiB are read, of the page with the last number 4 MiB; what is shown of them has neither control characters
# nor credentials.

set -euo pipefail -o noclobber # a temporary file is made by this run or not at all
shopt -s nullglob
export LC_ALL=C # decimal points and byte-wise patterns in every locale
umask 077       # a lock that others can open is a lock that others can hold

readonly EXACT=9007199254740992 # 2^53: above it, a sample cannot hold every whole number
readonly ANSWER_BYTES=8192      # ten times what a Pushgateway says when it rejects a push
readonly PAGE_BYTES=4194304     # some 40,000 samples, for which bash needs 2 s; it keeps one line of them at a time
readonly USER_BYTES=1024        # of the line with user and password

# A closed stderr must not end a run that can still deliver. Much of what is said comes from elsewhere, so only printable
# ASCII is said.
say() {
  local line="${0##*/}: ${1:0:1000}"
  line=${line//[[:cntrl:]]/ }
  printf '%s\n' "${line//[^ -~]/?}" >&2 || true
}
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
  auth_file=${DURI_BASIC_AUTH_FILE:-} ca_file=${DURI_CA_FILE:-}
  url=${url%/}
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
  local name
  for name in state_dir textfile_dir auth_file ca_file; do # the script goes to its state folder
    [[ -z ${!name} || ${!name} == /* ]] || printf -v "$name" '%s/%s' "$PWD" "${!name}"
  done
}

# Whether nobody else can change what is there, nor exchange it, unless others may write to the folder and it has no
# sticky bit: a regular file of this user or of root, with one name.
is_safe() { # FILE; sets found and mode
  found=$(stat -c '%F of user %u, mode %a, %h name(s)' -- "$1" 2>/dev/null) || return
  [[ $found =~ ^regular\ (empty\ )?file\ of\ user\ (0|$EUID),\ mode\ ([0-7]+),\ 1\ name ]] && mode=${BASH_REMATCH[3]}
}

is_private() { ((! (8#$1 & 8#22))); }                  # MODE: nobody but the owner can write
is_guarded() { is_private "$1" || ((8#$1 & 8#1000)); } # MODE: or what others have put there is all they can exchange

name_temporary() { # PATH: sets temporary, a name that nobody can guess; the mark says which state folder's run made it
  local random
  read -r random </proc/sys/kernel/random/uuid && temporary=$1.$mark.$random.tmp
}

# The folder is entered, and looked at from inside: whatever happens to its path later, it stays this one.
enter_state_folder() { # sets mark
  local facts kind owner mode
  # shellcheck disable=SC2174 # the folders above it are none of ours: they get the usual mode
  [[ -d $state_dir ]] || (umask 022 && mkdir -p -m 0700 -- "$state_dir") ||
    die 69 "cannot make the folder $state_dir; nothing delivered"
  { cd -P -- "$state_dir" && facts=$(stat -c '%u %a %d-%i %F' -- . "$state_dir"); } 2>/dev/null ||
    die 69 "cannot enter and look at the folder $state_dir; nothing delivered"
  read -r owner mode mark kind <<<"${facts%%$'\n'*}"
  { [[ $owner =~ ^(0|$EUID)$ ]] && is_guarded "$mode"; } ||
    die 69 "expected a state folder that only user $EUID or root can write to, found $state_dir of user $owner with mode \
$mode: others could hold the lock; nothing delivered. Run as its user, or chown and chmod it"
  read -r owner _ facts kind <<<"${facts##*$'\n'}"
  [[ $facts == "$mark" || ($kind == 'symbolic link' && $owner =~ ^(0|$EUID)$) ]] ||
    die 69 "expected the state folder $state_dir, found a link of user $owner to another one; nothing delivered"
}

name_holder() { # the process that signed the lock or, if that is gone, the one that the kernel knows
  local pid='' kind owner file inode arguments=() command
  { read -r -n 19 pid <lock; } 2>/dev/null || true # nobody has signed it: the kernel is asked next
  inode=$(stat -L -c %i /proc/self/fd/9) || true   # without it nobody is found, and the message says so
  [[ $pid =~ ^[0-9]+$ ]] || pid=none
  while [[ ! -d /proc/$pid ]] && read -r _ kind _ _ owner file _; do
    [[ $kind$file == FLOCK*:"$inode" ]] && pid=$owner
  done </proc/locks
  [[ -r /proc/$pid/cmdline ]] && mapfile -d '' -t -n 20 arguments <"/proc/$pid/cmdline"
  command=${arguments[*]:-it has ended; a process that it started, or the run after it, holds the lock}
  printf 'pid %s (%s)' "${pid/none/unknown}" "${command:0:500}"
}

# Children keep the lock open on purpose: the push of a run that was killed still keeps later runs from overtaking it.
take_lock() {
  local lock=$state_dir/lock locked=lock status=0 temporary found mode
  if [[ ! -e lock && ! -L lock ]]; then
    # Renamed, never opened by its name: somebody may have put a FIFO there in between. Where none can be made, the folder
    # itself is locked.
    { name_temporary .lock && : >"$temporary" && mv -nT -- "$temporary" lock; } 2>/dev/null || true
    [[ ! ${temporary:-} || ! -e $temporary ]] || rm -f -- "$temporary"
  fi
  if [[ -e lock || -L lock ]]; then
    is_safe lock ||
      die 69 "expected $lock to be a file of user $EUID or root with one name, found a ${found:-file nobody knows}; \
nothing delivered. Remove it when no run is under way"
    [[ ! -O lock || $mode == 600 ]] || chmod 600 lock 2>/dev/null || true # older versions left it at 0644
    { exec 9<>lock || exec 9<lock; } 2>/dev/null || die 69 "cannot open $lock; nothing delivered"
  else
    locked=.
    { exec 9<.; } 2>/dev/null || die 69 "cannot open $lock; nothing delivered"
  fi
  flock -E 75 -w "$lock_seconds" 9 || status=$?
  ((status != 75)) || die 75 "waited $lock_seconds s for $lock, held by $(name_holder); nothing was done"
  ((status == 0)) || die 69 "cannot lock $lock, flock ended with status $status; nothing delivered"
  [[ $locked -ef /dev/fd/9 ]] || die 75 "$lock was exchanged while this run waited for it; nothing was done"
  { printf '%-19s\n' "$$" >&9; } 2>/dev/null || true # a lock that cannot be signed is held all the same
}

# Of runs of this state folder that were killed: as this run has the lock, none of them lives, nor a child of theirs.
remove_leftovers() {
  local file dead=()
  for file in .sequence.*.tmp .lock.*.tmp "$textfile_dir"/.{"$TS","$SEQ"}."$mark".*.tmp; do
    [[ -f $file && ! -L $file && -O $file ]] && dead+=("$file")
  done
  ((${#dead[@]} == 0)) || rm -f -- "${dead[@]}" 2>/dev/null || true
}

# The last word is true: that a number is passed over is no failure.
exceed() { # NUMBER: makes seq larger than it; anything that is no whole number of samples is passed over
  [[ $1 =~ ^[0-9]{1,16}$ ]] && ((10#$1 >= seq && 10#$1 < EXACT)) && seq=$((10#$1 + 1)) || true
}

# The reader keeps the time too: curl does not look at its own limit while it waits for a reader. A line is cut at
# 1 KiB, as bash needs the square of its length to take it apart.
exceed_samples() { # reads the text format
  local line value until=$((SECONDS + 10#${connect_seconds%.*} + 1))
  while ((SECONDS <= until)) && IFS= read -r -n 1024 line; do
    [[ $line == "$SEQ{"* ]] || continue
    value=${line##*\} } value=${value%%[[:space:]]*}
    printf -v value '%.0f' "$value" 2>/dev/null || true # the Pushgateway writes 1.764e+12
    exceed "$value"
  done
}

next_sequence() {
  local stored='' found mode file=$textfile_dir/$SEQ.prom
  seq=0
  # A whole state file is short, ends in a newline and has no NUL, at which `read` would stop with status 0.
  is_safe sequence && { IFS= read -r -d '' -n 20 stored <sequence; } 2>/dev/null && stored=''
  [[ $stored == *$'\n' ]] && exceed "${stored%$'\n'}"
  if ((seq == 0)); then
    exceed "$clock_ms"
    if [[ ! $flaw ]]; then
      exceed_samples < <({ gateway "$connect_seconds" "$url/metrics" |
        dd bs=65536 count=$((PAGE_BYTES / 65536)) iflag=fullblock status=none; } 2>/dev/null)
      # A Pushgateway that fails here gets less time for the push: the whole run stays within the limit of one push.
      wait "$!" || push_seconds=$connect_seconds
    fi
  fi
  # dd can open what has become a link or a FIFO by now without following or waiting.
  is_safe "$file" &&
    exceed_samples < <(dd if="$file" iflag=nofollow,nonblock bs=4096 count=1 status=none 2>/dev/null) || true
}

keep_sequence() {
  local temporary found mode
  if name_temporary .sequence; then
    { printf '%d\n' "$seq" >"$temporary" && mv -fT -- "$temporary" sequence; } 2>/dev/null && return
    rm -f -- "$temporary"
  fi
  # A full disk still lets bytes be replaced in place.
  is_safe sequence && { printf '%d\n' "$seq" 1<>sequence; } 2>/dev/null && return
  exceed "$clock_ms"
  return 1
}

# Where only this user can make files, whatever is there may be replaced; where others can, theirs is left alone.
may_replace() { # FILE
  local owner mode
  [[ -L $1 || ! -e $1 || -O $1 ]] && return
  read -r owner mode < <(stat -c '%u %a' -- "$textfile_dir/.")
  [[ $owner == "$EUID" ]] && is_private "$mode" && return
  printf '%s is of another user, who has to remove it\n' "${1##*/}" >&2
  return 1
}

publish() { # NAME: its text as a .prom file
  local temporary file=$textfile_dir/$1.prom
  name_temporary "$textfile_dir/.$1" || return 1
  printf '%s' "${texts[$1]}" >"$temporary" && may_replace "$file" && mv -fT -- "$temporary" "$file" && return
  rm -f -- "$temporary"
  return 1
}

write_files() { # sets reason
  local name
  umask 022 # node-exporter must be able to read the .prom files: mode 0644
  if [[ -L $textfile_dir && ! $(stat -c %u -- "$textfile_dir") =~ ^(0|$EUID)$ ]]; then
    reason='it is a link of another user'
    return 1
  fi
  for name in "$TS" "$SEQ"; do # the second try is there to learn the reason
    publish "$name" 2>/dev/null || reason=$(publish "$name" 2>&1) || return 1
  done
}

read_credentials() { # sets user, curl_options and, if something is wrong with them, flaw
  user='' flaw='' curl_options=()
  if [[ $auth_file ]]; then
    flaw=$(find_flaw DURI_BASIC_AUTH_FILE "$auth_file")
    [[ $flaw ]] || IFS= read -r -n "$USER_BYTES" user <"$auth_file" || true
    user=${user%$'\r'}
    [[ $flaw || ($user == *:* && ${#user} -lt $USER_BYTES) ]] ||
      flaw="DURI_BASIC_AUTH_FILE: expected USER:PASSWORD, below $USER_BYTES bytes, as first line of $auth_file (not shown)"
  fi
  if [[ ! $flaw && $ca_file && $url == https:* ]]; then
    curl_options=(--cacert "$ca_file")
    flaw=$(find_flaw DURI_CA_FILE "$ca_file")
    [[ $flaw ]] || (($(stat -L -c %s -- "$ca_file") <= PAGE_BYTES)) ||
      flaw="DURI_CA_FILE: expected certificates in $ca_file, found more than $PAGE_BYTES bytes"
  fi
}

find_flaw() { # VARIABLE FILE: why it is not opened. The administrator named it, so a link is followed.
  if [[ ! -e $2 ]]; then
    printf '%s: %s: No such file or directory' "$1" "$2"
  elif [[ ! -f $2 ]]; then
    printf '%s: expected a regular file, found that %s is none' "$1" "$2"
  elif [[ ! -r $2 ]]; then
    printf '%s: %s: Permission denied' "$1" "$2"
  fi
}

# Becomes curl, so call it in a subshell only. Credentials go by a pipe, so that `ps` cannot show them. The head of the
# answer comes first: it counts against the reader's bound too.
gateway() { # LIMIT_SECONDS CURL_ARGUMENTS
  local limit=$1 quoted=${user//\\/\\\\}
  exec </dev/null
  [[ ! $user ]] || exec < <(printf 'user = "%s"' "${quoted//\"/\\\"}")
  exec curl --disable --config - --silent --show-error --include --globoff --noproxy '*' \
    --connect-timeout "$connect_seconds" --max-time "$limit" "${curl_options[@]}" "${@:2}"
}

# The mask is as long as what it hides: no part of a secret at the end of what was read moves to where it is shown.
hide_credentials() { # changes words
  local secret mask encoded
  [[ $user ]] || return 0
  encoded=$(printf '%s' "$user" | base64 -w 0 2>/dev/null) || words='(not shown: no base64 to find credentials in it)'
  for secret in "${encoded%%=*}" "$user" "${user#*:}"; do
    printf -v mask '%*s' "${#secret}" ''
    [[ ! $secret ]] || words=${words//"$secret"/${mask// /*}}
  done
}

# PUT replaces the group as a whole: nothing that an older version of this script pushed stays in it.
push() {
  local answer status body code='' words
  [[ ! $flaw ]] || { say "push failed: $flaw" && return 1; }
  command -v curl >/dev/null || { say "push failed: there is no curl in PATH=$PATH" && return 1; }
  { answer=$(
    gateway "$push_seconds" --request PUT --header 'Content-Type: text/plain; version=0.0.4' \
      --data-binary "${texts[$TS]}${texts[$SEQ]}" --write-out '\n%{http_code} %{size_download}' \
      "$url/metrics/job/$JOB/instance/$INSTANCE" 2>&1 |
      { read -r -N "$ANSWER_BYTES" answer || true && printf '%s' "$answer"; }
    printf '\n%s' "${PIPESTATUS[0]}"
  ); } 2>/dev/null
  status=${answer##*$'\n'} answer=${answer%$'\n'*}
  ((${#answer} < ANSWER_BYTES)) || status='cut'
  [[ $status == 0 && ${answer##*$'\n'} =~ ^2[0-9]{2}\ 0$ ]] && return
  if [[ $status == 0 || $status == cut ]]; then
    [[ $status == cut ]] || answer=${answer%$'\n'*}
    body=${answer//$'\r'/}
    while [[ ! $code || $code == 1?? ]] && [[ $body =~ ^HTTP/[0-9.]+\ ([0-9]{3}) ]]; do
      code=${BASH_REMATCH[1]}
      [[ $body == *$'\n\n'* ]] && body=${body#*$'\n\n'} || body=''
    done
    words="rejected with HTTP status $code: $body"
    [[ $code != 2?? ]] || words="answered with HTTP status $code and, unlike a Pushgateway, with words: $body"
  else
    words="curl: (${answer##*'curl: ('}"
    [[ $answer == *'curl: ('* ]] || words="curl ended with status $status"
    words=${words%%$'\n'*}
  fi
  hide_credentials
  say "push to $url failed: ${words:0:500}"
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
  local kept=0 written=0 pushed=0 reason=''
  declare -gA texts
  [[ $* != --help ]] || { show_help && exit; }
  (($# == 0)) || die 2 "expected no argument but --help, found ${*@Q}"
  read_settings
  enter_state_folder
  take_lock
  remove_leftovers
  read_clock
  read_credentials
  next_sequence
  keep_sequence || { kept=1 && say "cannot keep the sequence in $state_dir/sequence; counting by the clock"; }
  expose "$TS" "$now" 'Unix time of the last heartbeat, in seconds.'
  expose "$SEQ" "$seq" 'Number of the last heartbeat of this writer.'
  push & # at the same time, so that neither path waits for the other
  write_files || { written=1 && say "cannot write the .prom files in $textfile_dir: ${reason##*: }"; }
  wait "$!" || pushed=1
  ((written + pushed < 2)) || exit 69
  exit $((kept | written | pushed))
}

main "$@"
