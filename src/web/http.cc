// The one file that includes Boost: Beast's parser without its sockets.
#include "web/http.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "base/text.h"
#include "web/url.h"

namespace postern::web {

namespace http = boost::beast::http;

namespace {

// RFC 9112 3.2.2: a target in absolute form is to be understood. "" where it is none.
std::string_view authority_of(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!istarts_with(target, scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::string_view authority = target.substr(0, target.find_first_of("/?#"));
    return authority.contains('@') ? std::string_view() : authority;
  }
  return {};
}

}  // namespace

struct RequestReader::Impl {
  Impl() { begin(); }

  std::optional<http::request_parser<http::string_body>> parser;
  std::string pending;  // octets that the parser has not taken
  State state = State::empty;
  int status = 0;
  std::string problem;
  bool told_to_continue = false;
  std::size_t looked_at = 0, head_size = 0;  // of `pending`

  void begin() {
    parser.emplace();
    parser->header_limit(static_cast<std::uint32_t>(kHeadMax + 1));  // head_is_whole() looks before
    parser->body_limit(kBodyMax);
    parser->eager(true);
    state = State::empty;
    told_to_continue = false;
  }
  void refuse(int code, std::string why) {
    state = State::refused;
    status = code;
    problem = std::move(why);
    pending.clear();
  }
  void advance();
  bool head_is_whole();
  void look_at_head();
  void explain(const boost::system::error_code& error);
};

void RequestReader::Impl::explain(const boost::system::error_code& error) {
  if (error == http::error::header_limit)
    refuse(431, "the head of the request is over " + human_bytes(kHeadMax));
  else if (error == http::error::body_limit)
    refuse(413, "the body of the request is over " + human_bytes(kBodyMax));
  else if (error == http::error::bad_version)
    refuse(505, "HTTP/1.0 and HTTP/1.1 are spoken here");
  else
    refuse(400, "this is not an HTTP request: " + error.message());
}

void RequestReader::Impl::look_at_head() {
  const auto& message = parser->get();
  // RFC 9112 3.2: exactly one Host in HTTP/1.1
  const auto hosts = message.equal_range(http::field::host);
  const auto count = std::distance(hosts.first, hosts.second);
  if (count > 1 || (count == 0 && message.version() >= 11)) return refuse(400, "there must be one Host field");
  if (message.find(http::field::transfer_encoding) != message.end())
    return refuse(501, "bodies with a transfer coding are not taken; send Content-Length");
  // What never has a meaning here must not smuggle a second request
  const std::string_view target(message.target().data(), message.target().size());
  if (target.size() > kTargetMax) return refuse(414, "the request target is over " + std::to_string(kTargetMax));
  if (!target.starts_with('/') && authority_of(target).empty())
    return refuse(400, "the request target must begin with a slash");
  state = State::body;
}

// The parser is given a head when it is whole: else what it says of a wrong one would depend on how it was cut.
bool RequestReader::Impl::head_is_whole() {
  const std::size_t line = std::string_view(pending).substr(0, kHeadMax).find('\n');
  // Another protocol's client waits for our answer, and would never send an empty line
  if (line != std::string::npos && !std::string_view(pending).substr(0, line).contains(" HTTP/")) {
    refuse(400, "this is not an HTTP request");
    return false;
  }
  const std::size_t end = pending.find("\r\n\r\n", looked_at > 3 ? looked_at - 3 : 0);
  // RFC 9112 2.2 lets us take a lone LF; whoever sends one here would wait for an answer to a head that never ends
  const std::string_view head = std::string_view(pending).substr(0, std::min(end, kHeadMax));
  for (std::size_t at = looked_at > 0 ? looked_at - 1 : 0; (at = head.find('\n', at)) != std::string_view::npos; ++at) {
    if (at > 0 && head[at - 1] == '\r') continue;
    refuse(400, "a line of the request ends with LF alone");
    return false;
  }
  looked_at = pending.size();
  if (end == std::string::npos ? pending.size() > kHeadMax : end + 4 > kHeadMax) {
    explain(http::error::header_limit);
    return false;
  }
  head_size = end + 4;
  return end != std::string::npos;
}

void RequestReader::Impl::advance() {
  while (!pending.empty() && state != State::done && state != State::refused) {
    if (state == State::empty) {
      // RFC 9112 2.2: empty lines before a request are passed over
      const std::size_t begins = pending.find_first_not_of("\r\n");
      pending.erase(0, begins == std::string::npos ? pending.size() : begins);
      if (pending.empty()) return;
      state = State::head;
      looked_at = 0;
    }
    if (state == State::head && !head_is_whole()) return;
    const std::string_view given =
        state == State::head ? std::string_view(pending).substr(0, head_size) : std::string_view(pending);
    boost::system::error_code error;
    const std::size_t taken = parser->put(boost::asio::buffer(given.data(), given.size()), error);
    pending.erase(0, taken);
    if (error == http::error::need_more && state != State::head) error = {};
    if (error) return explain(error);
    if (state == State::head) look_at_head();
    if (state == State::refused) return;
    if (parser->is_done()) {
      state = State::done;
      return;
    }
    if (taken == 0) break;
  }
}

RequestReader::RequestReader() : impl_(std::make_unique<Impl>()) {}
RequestReader::~RequestReader() = default;
RequestReader::RequestReader(RequestReader&&) noexcept = default;
RequestReader& RequestReader::operator=(RequestReader&&) noexcept = default;

RequestReader::State RequestReader::feed(std::string_view octets) {
  if (impl_->state == State::refused) return impl_->state;
  impl_->pending.append(octets);
  impl_->advance();
  return impl_->state;
}

RequestReader::State RequestReader::state() const { return impl_->state; }
int RequestReader::status() const { return impl_->status; }
const std::string& RequestReader::problem() const { return impl_->problem; }

bool RequestReader::expects_continue() {
  if (impl_->state != State::body || impl_->told_to_continue) return false;
  impl_->told_to_continue = true;
  const auto& message = impl_->parser->get();
  const auto found = message.find(http::field::expect);
  return found != message.end() &&
         iequals(std::string_view(found->value().data(), found->value().size()), "100-continue");
}

Request RequestReader::take() {
  POSTERN_CHECK(impl_->state == State::done);
  auto message = impl_->parser->release();
  Request out;
  switch (message.method()) {
    case http::verb::get:
      out.method = Method::get;
      break;
    case http::verb::head:
      out.method = Method::head;
      break;
    case http::verb::post:
      out.method = Method::post;
      break;
    default:
      out.method = Method::other;
      break;
  }
  out.keep_alive = message.keep_alive();
  std::string_view target(message.target().data(), message.target().size());
  // RFC 9112 3.2.2: the Host field, whatever it says, MUST be ignored; the target's authority stands in its place
  const std::string_view named = authority_of(target);
  const std::string authority(named);
  std::string rest;
  if (!named.empty()) {
    rest = target.substr(static_cast<std::size_t>(named.data() - target.data()) + named.size());
    if (!rest.starts_with('/')) rest.insert(0, "/");
    target = rest;
  }
  const std::size_t question = target.find('?');
  // A path that cannot be decoded is none of ours
  out.path = percent_decode(target.substr(0, question)).value_or("");
  if (question != std::string_view::npos) {
    std::string_view query = target.substr(question + 1);
    out.query = parse_form(query.substr(0, query.find('#')));
  }
  for (const auto& field : message) {
    const std::string_view name(field.name_string().data(), field.name_string().size());
    const std::string_view value(field.value().data(), field.value().size());
    const auto [at, fresh] = out.fields.emplace(lower(name), std::string(value));
    // A list (RFC 9110 5.3) whose end, a proxy's own word, is the part that counts
    if (!fresh && at->first == "x-forwarded-for") at->second += ", " + std::string(value);
  }
  if (!authority.empty()) out.fields["host"] = authority;
  out.body = std::move(message.body());
  impl_->begin();
  impl_->advance();
  return out;
}

}  // namespace postern::web
