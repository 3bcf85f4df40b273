// `postern web`: the process that serves the pages, and what makes its passwords.
#pragma once

#include <string>

namespace postern::cli {

struct WebOptions {
  std::string config;
};
// In the foreground, until SIGTERM. With kWebSockets it takes over the sockets that are open already, and ends with
// whom it has them of: `postern serve`, or itself as it was started by hand (web_by_hand.h).
[[nodiscard]] int run_web(const WebOptions& options);
inline constexpr const char* kWebSockets =
    "POSTERN_WEB_SOCKETS";  // "7,8": listening sockets, in the order of [web] listen

inline constexpr const char* kWebCertificates = "POSTERN_WEB_CERTIFICATES";  // "9": web_keys.h

inline constexpr const char* kWebParent = "POSTERN_WEB_PARENT";  // the number of the process that started us

struct WebPasswordOptions {
  bool token = false;
  std::string user = "operator";
};
[[nodiscard]] int run_web_password(const WebPasswordOptions& options);

}  // namespace postern::cli
