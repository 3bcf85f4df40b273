// The deep tests of TLS: versions, ciphers, preference, groups, names. One handshake a connection.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "check/probe_impl.h"

namespace postern::check::probing {

namespace {

constexpr std::string_view kAll = "ALL:eNULL";

struct Attempt {
  bool tried = false;  // false: no handshake came about, facts.deep_ended says why, or OpenSSL cannot offer it
  bool accepted = false;
  TlsFound found;
};

io::TlsClientOptions offering(const Run& run, const std::string& version) {
  return {.ca_file = run.options.ca_file,
          .min_version = version,
          .ciphers = std::string(kAll),
          .weak = true,
          .keep_chain = true,
          .max_version = version};
}

Task<Attempt> attempt(Run& run, ServerFacts& facts, io::TlsClientOptions options, std::string sni) {
  Attempt out;
  const auto context = io::TlsClientContext::make(options);
  if (!context) co_return out;
  const auto at = co_await visit(run, facts);
  if (at == nullptr) co_return out;
  io::TlsExpect expect(std::move(sni));
  expect.only_sni = true;
  out.accepted = co_await secure(*at, facts, *context, std::move(expect));
  out.tried = facts.deep_ended.empty();
  const io::TlsFacts* const tls = at->stream->tls();
  if (!out.accepted || tls == nullptr) {
    out.accepted = false;
    const io::TlsFacts* const failed = at->stream->tls_attempt();
    if (failed != nullptr) out.found.trust_error = std::string(failed->failure);
    co_return out;
  }
  out.found = read_tls(*tls);
  if (!out.found.chain.empty()) note_certificate(facts, out.found.chain.front());
  co_await part(*at);
  co_return out;
}

TlsTried tried(TlsTried::What what, const Attempt& made) {
  return {.what = what,
          .version = made.found.version,
          .cipher = made.found.cipher,
          .group = made.found.group,
          .accepted = made.accepted,
          .signature_hash = made.found.signature_hash,
          .dh_bits = made.found.dh_bits};
}

Task<void> versions(Run& run, const std::string& host, ServerFacts& facts) {
  for (const char* const version : {"TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1"}) {
    const Attempt made = co_await attempt(run, facts, offering(run, version), host);
    if (!made.tried) continue;
    TlsTried one = tried(TlsTried::What::version, made);
    one.version = version;
    if (made.accepted && made.found.version != "TLSv1.3" && !facts.older_master_secret) {
      facts.older_master_secret = made.found.extended_master_secret;
      facts.older_renegotiation = made.found.secure_renegotiation;
    }
    facts.tried.push_back(std::move(one));
  }
}

Task<void> new_ciphers(Run& run, const std::string& host, ServerFacts& facts) {
  if (!speaks(facts, "TLSv1.3")) co_return;
  for (const char* const suite : {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256",
                                  "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"}) {
    io::TlsClientOptions options = offering(run, "TLSv1.3");
    options.ciphersuites = suite;
    const Attempt made = co_await attempt(run, facts, options, host);
    if (!made.tried) continue;
    TlsTried one = tried(TlsTried::What::cipher, made);
    one.version = "TLSv1.3";
    one.cipher = suite;
    facts.tried.push_back(std::move(one));
  }
}

Task<void> groups(Run& run, const std::string& host, ServerFacts& facts) {
  static constexpr std::array kNew{"X25519", "X448", "P-256", "P-384", "P-521", "ffdhe2048", "ffdhe3072", "ffdhe4096"};
  static constexpr std::array kOld{"X25519", "P-256", "P-384", "P-521", "P-224"};
  const bool newest = speaks(facts, "TLSv1.3");
  if (!newest && !speaks(facts, "TLSv1.2")) co_return;
  const std::span<const char* const> wanted =
      newest ? std::span<const char* const>(kNew) : std::span<const char* const>(kOld);
  for (const char* const group : wanted) {
    io::TlsClientOptions options = offering(run, newest ? "TLSv1.3" : "TLSv1.2");
    options.groups = group;
    // In TLS 1.2 a group counts only with a cipher that uses one
    if (!newest) options.ciphers = "ECDHE:!aNULL";
    // RFC 8422 5.1.1: in TLS 1.2 the groups must have the curve of an ECDSA certificate as well
    const std::string curve = newest || facts.certificates.empty() ? "" : facts.certificates.front().curve;
    if (!curve.empty() && curve != group) options.groups += ':' + curve;
    const Attempt made = co_await attempt(run, facts, options, host);
    if (!made.tried) continue;
    TlsTried one = tried(TlsTried::What::group, made);
    one.accepted = one.accepted && (newest || one.group == group);
    one.group = group;
    facts.tried.push_back(std::move(one));
  }
}

Task<void> other_names(Run& run, ServerFacts& facts) {
  for (const std::string& name : {run.domain, std::string()}) {
    io::TlsClientOptions options = offering(run, "TLSv1.2");
    options.ciphers.clear();
    options.max_version.clear();
    const Attempt made = co_await attempt(run, facts, options, name);
    if (!made.tried) continue;
    OtherName one{
        .name = name, .done = made.accepted, .trusted = made.found.trusted, .trust_error = made.found.trust_error};
    if (!made.found.chain.empty()) {
      one.names = made.found.chain.front().names;
      one.common_name = made.found.chain.front().common_name;
    }
    facts.other_names.push_back(std::move(one));
  }
}

}  // namespace

bool speaks(const ServerFacts& facts, std::string_view version) {
  return std::ranges::any_of(facts.tried, [&](const TlsTried& one) {
    return one.what == TlsTried::What::version && one.version == version && one.accepted;
  });
}

void note_certificate(ServerFacts& facts, const CertificateFacts& own) {
  if (std::ranges::find(facts.certificates, own.der, &CertificateFacts::der) == facts.certificates.end())
    facts.certificates.push_back(own);
}

// What matters most comes first: a server may have enough of us, or the time run out.
Task<void> deep_tls(Run& run, std::string host, ServerFacts& facts) {
  if (!facts.tls->chain.empty()) note_certificate(facts, facts.tls->chain.front());
  co_await versions(run, host, facts);
  co_await deep_old_versions(run, host, facts);
  co_await other_names(run, facts);
  co_await deep_holes(run, host, facts);
  co_await deep_ciphers(run, host, facts);
  co_await new_ciphers(run, host, facts);
  co_await groups(run, host, facts);
}

}  // namespace postern::check::probing
