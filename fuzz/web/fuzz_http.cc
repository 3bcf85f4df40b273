// HTTP: a request is read alike however it is cut, within its limits; what is made of it (path, query, form, host,
// credentials) never fails; and what was escaped has no markup.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "web/access.h"
#include "web/http.h"
#include "web/url.h"

namespace {

using namespace postern;
using web::RequestReader;

constexpr std::size_t kReadMax = 8;  // requests of one input

struct Read {
  std::vector<std::string> requests;
  RequestReader::State state = RequestReader::State::empty;
  int status = 0;
};

void use(const web::Request& request, const web::Options& options) {
  POSTERN_CHECK(request.path.find('\0') == std::string::npos);
  POSTERN_CHECK(request.query.size() <= web::kParametersMax);
  POSTERN_CHECK(request.body.size() <= web::kBodyMax);
  POSTERN_CHECK(request.form().size() <= web::kParametersMax);
  static_cast<void>(web::credentials_of(request));
  static_cast<void>(web::is_same_site(request, options));
  static_cast<void>(web::client_of(request, options));
  const std::string shown = web::escape(request.path);
  POSTERN_CHECK(shown.find_first_of("<>\"'") == std::string::npos && is_utf8(shown));
}

Read read(std::string_view text, std::size_t piece, const web::Options& options) {
  Read out;
  RequestReader reader;
  while (!text.empty() && out.requests.size() < kReadMax) {
    const std::size_t size = std::min(piece, text.size());
    auto state = reader.feed(text.substr(0, size));
    text.remove_prefix(size);
    while (state == RequestReader::State::done && out.requests.size() < kReadMax) {
      const web::Request request = reader.take();
      use(request, options);
      out.requests.push_back(request.path + "|" + request.body + "|" + std::string(request.host()));
      state = reader.state();
    }
    if (state == RequestReader::State::refused) break;
  }
  out.state = reader.state();
  out.status = reader.status();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  web::Options options;
  options.public_url = "https://postern.example.org/mail";
  const Read whole = read(text, size == 0 ? 1 : size, options);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}}) {
    const Read cut = read(text, piece, options);
    POSTERN_CHECK(cut.requests == whole.requests);
    if (whole.requests.size() < kReadMax) POSTERN_CHECK(cut.state == whole.state && cut.status == whole.status);
  }
  if (const auto decoded = web::percent_decode(text))
    POSTERN_CHECK(web::percent_decode(web::percent_encode(*decoded)) == decoded);
  static_cast<void>(web::accepts_gzip(text));
  static_cast<void>(web::matches_etag(text, "\"a\""));
  return 0;
}
