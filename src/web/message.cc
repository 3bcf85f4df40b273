#include "web/message.h"

#include <algorithm>

#include "base/text.h"
#include "base/time.h"
#include "web/url.h"

namespace postern::web {

namespace {

// Nothing but our own files, and no script or style within a page; what a stranger wrote can do nothing there.
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

bool is_value(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

void add(std::string& out, std::string_view name, std::string_view value) {
  if (!is_value(value)) return;
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string Request::host() const { return host_of(field("host")); }
bool Request::accepts_gzip() const { return web::accepts_gzip(field("accept-encoding")); }
bool Request::wants_json() const { return field("accept").starts_with("application/json"); }
Parameters Request::form() const {
  return istarts_with(field("content-type"), "application/x-www-form-urlencoded") ? parse_form(body) : Parameters();
}

Response redirect(std::string location) {
  Response out;
  out.status = 303;
  out.type = "text/plain; charset=utf-8";
  out.body = "see " + location + "\n";
  out.fields.emplace_back("Location", std::move(location));
  return out;
}

Response plain(int status, std::string text) {
  Response out;
  out.status = status;
  out.type = "text/plain; charset=utf-8";
  out.body = std::move(text) + "\n";
  return out;
}

Response json_response(std::string text, int status) {
  Response out;
  out.status = status;
  out.type = "application/json";
  out.body = std::move(text) + "\n";
  return out;
}

std::string_view status_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Other";
  }
}

std::string head_text(const Response& response, const HeadOptions& options, std::int64_t now) {
  std::string out = (options.http10 ? "HTTP/1.0 " : "HTTP/1.1 ") + std::to_string(response.status) + " " +
                    std::string(status_phrase(response.status)) + "\r\n";
  // RFC 9110 5.6.7: "GMT" stands where RFC 5322 has +0000
  std::string date = rfc5322_date(now);
  if (const std::size_t zone = date.find(" +0000"); zone != std::string::npos) date.replace(zone, 6, " GMT");
  add(out, "Date", date);
  const bool streams = response.events != nullptr;
  const bool no_body = response.status == 304 || response.status == 204;
  if (!no_body) add(out, "Content-Type", response.type);
  if (!streams && !no_body) add(out, "Content-Length", std::to_string(response.octets().size()));
  const auto has = [&response](std::string_view name) {
    return std::ranges::any_of(response.fields, [name](const auto& field) { return iequals(field.first, name); });
  };
  for (const auto& [name, value] : response.fields) add(out, name, value);
  if (!has("Cache-Control")) add(out, "Cache-Control", "no-store");
  add(out, "Content-Security-Policy", kContentSecurityPolicy);
  add(out, "X-Content-Type-Options", "nosniff");
  add(out, "X-Frame-Options", "DENY");
  // Others learn nothing; our own forms need it, because with no-referrer a browser calls their origin "null"
  add(out, "Referrer-Policy", "same-origin");
  add(out, "Cross-Origin-Opener-Policy", "same-origin");
  add(out, "Cross-Origin-Resource-Policy", "same-origin");
  add(out, "Permissions-Policy", "camera=(), geolocation=(), microphone=()");
  if (options.secure) add(out, "Strict-Transport-Security", "max-age=31536000");
  add(out, "Connection", options.close || streams ? "close" : "keep-alive");
  return out += "\r\n";
}

}  // namespace postern::web
