#!/usr/bin/env bash
# ./dev setup test calls it: mail servers and clients of others that tests/integration/peers_*.test sends to and hears from, below
# build/peers. Exim and OpenSMTPD conflict with the postfix package, so they are unpacked there and not installed; OpenSMTPD twice,
# because Debian 12's fails in every handshake that it does not begin, and that of its backports does not. nodemailer comes from npm. What cannot be had (no network, no npm) is said, and its test is skipped.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
nodemailer=9.1.1
peers=build/peers

# unpack FOLDER PACKAGE [APT OPTION...]: into build/peers/FOLDER, which is there completely or not at all.
unpack() {
  local folder=$1 package=$2 work
  shift 2
  [ ! -d "$peers/$folder" ] || return 0
  work=$(mktemp -d)
  if (cd "$work" && apt-get -q -o Acquire::Retries=1 "$@" download "$package" && dpkg -x "$package"_*.deb unpacked) >"$peers/$folder.log" 2>&1; then
    rm -rf "$peers/$folder.new"
    mv "$work/unpacked" "$peers/$folder.new"
    mv "$peers/$folder.new" "$peers/$folder"
  fi
  rm -rf "$work"
  [ -d "$peers/$folder" ] || say "$folder cannot be downloaded ($peers/$folder.log); its test is skipped"
}

# Debian's backports, for one package, with lists of its own: what the machine installs from stays as it is.
backports=(-o "Dir::Etc::sourcelist=$root/$peers/backports.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$root/$peers/apt/lists"
  -o "Dir::Cache=$root/$peers/apt/cache")

mkdir -p "$peers/apt/lists/partial" "$peers/apt/cache/archives/partial"
unpack exim exim4-daemon-light
unpack opensmtpd6 opensmtpd
if [ ! -d "$peers/opensmtpd7" ]; then
  echo "deb http://deb.debian.org/debian bookworm-backports main" >"$peers/backports.list"
  apt-get -q -o Acquire::Retries=1 "${backports[@]}" update >"$peers/backports.log" 2>&1 || true
  unpack opensmtpd7 opensmtpd "${backports[@]}"
fi
if [ "$(cat "$peers/node/version" 2>/dev/null)" != "$nodemailer" ]; then
  rm -rf "$peers/node"
  mkdir -p "$peers/node"
  if ! have npm; then
    say "npm is missing, so the test with nodemailer is skipped (Debian has it in npm, unless node came from elsewhere)"
  elif (cd "$peers/node" && npm install --no-fund --no-audit --ignore-scripts --fetch-retries=1 "nodemailer@$nodemailer" >npm.log 2>&1); then
    echo "$nodemailer" >"$peers/node/version"
  else
    say "npm cannot install nodemailer ($peers/node/npm.log); its test is skipped"
  fi
fi
