# shellcheck shell=bash disable=SC2034
# The Debian 12 packages of each group of ./dev setup; docs/dependencies.md says what each is for.
packages_build=(clang-19 libclang-rt-19-dev lld-19 cmake ninja-build ccache pkg-config libssl-dev libidn2-dev libunbound-dev libpsl-dev libzstd-dev
  libmaxminddb-dev libcurl4-openssl-dev zlib1g-dev nlohmann-json3-dev libtomlplusplus-dev libcli11-dev libboost1.81-dev)
packages_test=(libgtest-dev python3 openssl swaks msmtp libnet-ssleay-perl libio-socket-inet6-perl postfix dovecot-core dovecot-lmtpd nsd ldnsutils
  publicsuffix dns-root-data tor-geoipdb p0f python3-dkim python3-authres iproute2 libdb5.3 libevent-2.1-7 libgnutls-dane0 libidn12 libnsl2 pflogsumm
  prometheus rsyslog zstd testssl.sh curl)  # the libraries are for what tools/dev/peers.sh unpacks
packages_bench=(libbenchmark-dev python3 openssl postfix nsd postgrey iproute2 pflogsumm zstd)
packages_interop=(opendkim opendkim-tools rspamd python3-dkim python3-authres)  # only ./dev interop asks for it
packages_web=(chromium)  # and npm, where there is none: uPlot and playwright-core come from there (web/package.json)
packages_lint=(clang-format-19 clang-tidy-19 git python3 shellcheck)
packages_unit=(libgtest-dev)  # enough to build the sanitizer presets
groups=(build test bench web lint)
