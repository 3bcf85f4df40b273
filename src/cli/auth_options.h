// The tools of mail authentication: spf, dkim, dmarc, arc, auth, keygen. Option structs that app.cc fills, and the
// function that carries each out. Exit codes: 0 pass or success, 1 a negative finding or a failure, 2 bad usage; with
// --batch 0 whatever was found, as each line has its answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace postern::cli {

struct AuthCommon {
  bool json = false;
  bool batch = false;               // JSON lines on standard input, one answer each (cli/batch.h)
  std::optional<std::int64_t> now;  // seconds since 1970; the clock where absent
  std::string dns;                  // HOST:PORT of a resolver; empty: the system's
  std::string zone;                 // a file in the place of DNS (dns/fixture.h)
};

struct SpfToolOptions {
  AuthCommon common;
  std::string ip, from, helo, receiver;
};
[[nodiscard]] int run_spf(const SpfToolOptions& options);

struct DkimToolOptions {
  AuthCommon common;
  bool sign = false;  // verify otherwise
  std::string file;
  // sign: one domain and selector a key, or one domain for all of them
  std::vector<std::string> domains, selectors, keys;
  std::string headers;                    // colon-separated; empty: the default list
  std::string canon = "relaxed/relaxed";  // header/body
  std::optional<std::int64_t> time;       // t=; the clock where absent, 0 for none
  std::optional<std::int64_t> expiry;     // x=
  bool no_oversign = false;
  bool message = false;  // write the whole message, signed
};
[[nodiscard]] int run_dkim(const DkimToolOptions& options);

struct DmarcToolOptions {
  AuthCommon common;
  std::string from;               // address or domain
  std::string spf;                // RESULT:DOMAIN
  std::vector<std::string> dkim;  // RESULT:DOMAIN
};
[[nodiscard]] int run_dmarc(const DmarcToolOptions& options);

struct ArcToolOptions {
  AuthCommon common;
  bool seal = false;  // verify otherwise
  std::string file;
  std::string domain, selector, key, authserv_id;
  std::string results;  // what an Authentication-Results field says behind the authserv-id
  std::string cv;       // in the place of validating the chain
  std::string headers;
  std::optional<std::int64_t> time;
  bool message = false;
};
[[nodiscard]] int run_arc(const ArcToolOptions& options);

struct AuthToolOptions {
  AuthCommon common;
  std::string ip, from, helo, receiver, file;
};
[[nodiscard]] int run_auth(const AuthToolOptions& options);

struct KeygenOptions {
  AuthCommon common;
  std::string type = "rsa";  // rsa, ed25519, both
  int bits = 2048;
  std::string domain, selector;
  std::string out = ".";  // folder
  bool force = false;     // overwrite
  bool check = false;     // ask DNS whether the record matches the key file; makes nothing
};
[[nodiscard]] int run_keygen(const KeygenOptions& options);

}  // namespace postern::cli
