#!/usr/bin/env bash
# ./dev up: builds Postern and runs it in the foreground on loopback, both families, with its state in var/. The first
# run makes var/postern.toml; later runs find it, the certificate and the mail as they were left.
# POSTERN_UP_PORT chooses another port than 2525.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

port=${POSTERN_UP_PORT:-2525}
case $port in '' | *[!0-9]*) die "up: POSTERN_UP_PORT is '$port'; it must be a port number, 2525 for example" ;; esac
if [ "$port" -lt 1 ] || [ "$port" -gt 65535 ]; then die "up: POSTERN_UP_PORT is $port; it must be between 1 and 65535"; fi

tools/dev/build.sh release postern
config=var/postern.toml
mkdir -p var
if [ ! -e "$config" ]; then
  host=$(hostname -f 2>/dev/null || true)
  case $host in
    *.*) ;;
    *) host=localhost.localdomain ;;  # EHLO and Received want a full name
  esac
  cat >"$config" <<EOF
# Written once by ./dev up; yours to change. Every key: docs/configuration.md. Paths are relative to this file.
hostname = "$host"
data_dir = "data"

[web]
listen = ["[::1]:8025", "127.0.0.1:8025"]  # the pages, for this machine alone

[[listen]]
role = "mx"
address = ["[::1]:$port", "127.0.0.1:$port"]

[[domain]]
name = "example.org"
deliver = "maildir:mail/{domain}/{user}"
mailboxes = ["alice", "bob"]
aliases = { postmaster = ["alice"], abuse = ["alice"] }
EOF
  say "wrote $config"
else
  # Only the line that this script writes follows POSTERN_UP_PORT; any other is the user's own.
  [ -z "${POSTERN_UP_PORT:-}" ] ||
    sed -i -E "s|^address = \\[\"\\[::1\\]:[0-9]+\", \"127\\.0\\.0\\.1:[0-9]+\"\\]\$|address = [\"[::1]:$port\", \"127.0.0.1:$port\"]|" "$config"
  say "found $config, and the data beside it, as they were left"
  port=$(sed -n -E 's|^address = \["\[::1\]:([0-9]+)".*|\1|p' "$config" | head -n 1)
fi

taken() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }
if [ -n "$port" ]; then
  for address in 127.0.0.1 ::1; do
    ! taken "$address" "$port" || die "up: something listens on $address port $port already (another ./dev up?).
  Stop it, or choose another port: POSTERN_UP_PORT=$((port < 65535 ? port + 1 : 2526)) ./dev up"
  done
fi

hints() {
  local run="build/release/postern" starttls="--tls"
  cat >&2 <<EOF

Postern listens on [::1]:$port and 127.0.0.1:$port. In another terminal, over IPv6 and STARTTLS:

  swaks --server '[::1]' --port $port --tls --from you@example.net --to alice@example.org --header 'Subject: first mail'

or without swaks (./dev setup test installs it):

  $run send --server '[::1]:$port' $starttls --from you@example.net --to alice@example.org

The dashboard is at http://localhost:8025/ where var/postern.toml has [web].
The mail is then in var/mail/example.org/alice/new; unknown mailboxes are refused (try --to nobody@example.org).
Ctrl-C stops the gateway.

EOF
}
# Passes the log on, and adds the hints once the server says that it is ready.
watch_log() {
  local line shown=0
  while IFS= read -r line; do
    printf '%s\n' "$line" >&2
    if [ $shown = 0 ] && [[ $line =~ (^|[^a-z_])ready([^a-z_]|$) ]]; then
      shown=1
      [ -z "$port" ] || hints
    fi
  done
}

# A background child of a script ignores Ctrl-C, so the server sees one SIGTERM and drains.
build/release/postern serve --config "$config" 2> >(trap '' INT TERM; watch_log) &
server=$!
trap 'kill -TERM "$server" 2>/dev/null || true' INT TERM
status=0
while :; do
  status=0
  wait "$server" || status=$?
  kill -0 "$server" 2>/dev/null || break  # a signal ends `wait`, not the server
done
[ $status -le 128 ] || status=0
exit $status
