// Request and Response: an HTTP exchange as the pages see it, without sockets and without the parser. Thread rule:
// values; an EventSource belongs to the loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/task.h"
#include "ip/address.h"

namespace postern::web {

// Limits of what a stranger sends.
inline constexpr std::size_t kHeadMax = 16 << 10;     // octets: request line and fields
inline constexpr std::size_t kBodyMax = 256 << 10;    // octets: the largest is a policy to be replayed
inline constexpr std::size_t kTargetMax = 2048;       // octets of the request target
inline constexpr std::size_t kParametersMax = 64;     // of a query or a form
inline constexpr std::size_t kRequestsMax = 200;      // of a connection
inline constexpr std::int64_t kHeadMs = 15'000;       // a head arrives within
inline constexpr std::int64_t kBodyMs = 30'000;       // and its body
inline constexpr std::int64_t kIdleMs = 30'000;       // between two requests
inline constexpr std::int64_t kSendMs = 60'000;       // of an answer
inline constexpr std::int64_t kKeepAliveMs = 15'000;  // between two events, or a comment
inline constexpr std::int64_t kEventsMs = 3'600'000;  // of a stream of events; browsers come back by themselves
inline constexpr std::size_t kStreamsMax = 64;        // of events, in all

enum class Method : std::uint8_t { get, head, post, other };

using Parameters = std::map<std::string, std::string, std::less<>>;

struct Request {
  Method method = Method::get;
  std::string path;  // decoded, begins with '/'
  Parameters query;
  std::map<std::string, std::string, std::less<>>
      fields;  // names in lower case; of several the first, but X-Forwarded-For whole
  std::string body;
  bool keep_alive = true;

  // Of the connection.
  ip::Address peer, client;  // client: behind a proxy of this machine, whom it names
  bool local = false;        // both ends are loopback
  bool own = false;          // local, and from a process of root or of our own user (peer_user.h)
  bool secure = false;       // TLS

  [[nodiscard]] std::string_view field(std::string_view name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string_view() : std::string_view(found->second);
  }
  [[nodiscard]] std::string_view parameter(std::string_view name) const {
    const auto found = query.find(name);
    return found == query.end() ? std::string_view() : std::string_view(found->second);
  }
  // Of the Host field: lower case, without the port, an IPv6 address without its brackets.
  [[nodiscard]] std::string host() const;
  [[nodiscard]] bool accepts_gzip() const;
  [[nodiscard]] bool wants_json() const;
  // The body of a form.
  [[nodiscard]] Parameters form() const;
};

// Server-sent events: what is sent next, octets as they go on the wire; nothing at the end.
class EventSource {
 public:
  virtual ~EventSource() = default;
  [[nodiscard]] virtual Task<std::optional<std::string>> next() = 0;
};

struct Response {
  int status = 200;
  std::string type = "text/html; charset=utf-8";
  std::string body;
  std::string_view constant;  // in the place of `body`, where it lives as long as the program
  std::vector<std::pair<std::string, std::string>> fields;
  std::unique_ptr<EventSource> events;  // after the head

  [[nodiscard]] std::string_view octets() const { return constant.empty() ? std::string_view(body) : constant; }
};

[[nodiscard]] Response redirect(std::string location);  // 303
[[nodiscard]] Response plain(int status, std::string text);
[[nodiscard]] Response json_response(std::string text, int status = 200);

// The head as it is sent: status line, fields, those that every answer has (security, length, date), an empty line.
// Values with control characters are left out, so that nothing that a stranger wrote makes a field.
struct HeadOptions {
  bool secure = false;  // HSTS
  bool close = false;
  bool http10 = false;
};
[[nodiscard]] std::string head_text(const Response& response, const HeadOptions& options, std::int64_t now);
[[nodiscard]] std::string_view status_phrase(int status);

}  // namespace postern::web
