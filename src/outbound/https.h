// One HTTPS request to addresses that our own resolver gave: how MTA-STS policies are fetched and TLS reports handed
// in. No redirects, no proxies, no cookies, nothing kept between two requests; the certificate must be valid for the
// host. libcurl, which no other file knows. Thread rule: any thread; blocks, so never on a loop's.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "ip/address.h"

namespace postern::outbound {

struct HttpsRequest {
  std::string host;
  std::uint16_t port = 443;
  std::string path;                    // begins with '/', and has nothing in it that a URL may not have
  std::vector<ip::Address> addresses;  // the only ones that are connected to
  std::string ca_file;                 // empty: the system's store
  std::int64_t deadline_ms = 20000;    // for all of it
  std::size_t body_max = 64 * 1024;    // a longer answer is an error
  bool post = false;
  // Connect, handshake, and say nothing: the answer has no status.
  bool handshake_only = false;
  std::string body, content_type;  // of a POST
  // Set by another thread: the request fails within about a second. May be null; outlives the request.
  const std::atomic<bool>* stop = nullptr;
};

struct HttpsAnswer {
  int status = 0;
  std::string content_type;  // as it came: "text/plain; charset=utf-8"
  std::string body;
};

struct HttpsFailure {
  bool certificate = false;  // the host's certificate does not verify
  std::string what;          // one line
};

[[nodiscard]] std::expected<HttpsAnswer, HttpsFailure> https_request(const HttpsRequest& request);

}  // namespace postern::outbound
