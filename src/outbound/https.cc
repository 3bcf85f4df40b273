#include "outbound/https.h"

#include <curl/curl.h>

#include <csignal>
#include <ctime>

#include <array>
#include <memory>

#include "base/result.h"
#include "base/text.h"

namespace postern::outbound {

namespace {

struct EasyFree {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListFree>;

struct Sink {
  std::string body;
  std::size_t max = 0;
  bool over = false;
};

std::size_t take(char* octets, std::size_t size, std::size_t count, void* argument) {
  auto& sink = *static_cast<Sink*>(argument);
  const std::size_t length = size * count;
  if (length > sink.max - sink.body.size()) {
    sink.over = true;
    return 0;  // ends the transfer
  }
  sink.body.append(octets, length);
  return length;
}

// libcurl asks about once a second, whatever happens; anything but 0 ends the transfer.
int ask_whether_to_go_on(void* argument, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto* const stop = static_cast<const std::atomic<bool>*>(argument);
  return stop->load() ? 1 : 0;
}

// "host:443:192.0.2.1,[2001:db8::1]"
std::string pinned(const HttpsRequest& request) {
  std::string out = request.host + ':' + std::to_string(request.port) + ':';
  for (std::size_t i = 0; i < request.addresses.size(); ++i) {
    const ip::Address& address = request.addresses[i];
    out += i > 0 ? "," : "";
    out += address.is_v6() ? '[' + address.text() + ']' : address.text();
  }
  return out;
}

bool is_certificate_problem(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_ISSUER_ERROR ||
         code == CURLE_SSL_INVALIDCERTSTATUS;
}

// A host that hangs up while we write to it raises SIGPIPE in this thread: libcurl leaves that to us
// (CURLOPT_NOSIGNAL).
class NoPipeSignal {
 public:
  NoPipeSignal() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    blocked_ = pthread_sigmask(SIG_BLOCK, &pipe_, &before_) == 0;
  }
  ~NoPipeSignal() {
    if (!blocked_) return;
    const timespec now{};
    if (sigismember(&before_, SIGPIPE) == 0) sigtimedwait(&pipe_, nullptr, &now);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoPipeSignal(const NoPipeSignal&) = delete;
  NoPipeSignal& operator=(const NoPipeSignal&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool blocked_ = false;
};

std::unexpected<HttpsFailure> failed(const HttpsRequest& request, std::string why, bool certificate = false) {
  return std::unexpected<HttpsFailure>({certificate, "https://" + request.host + request.path + ": " + printable(why)});
}

}  // namespace

std::expected<HttpsAnswer, HttpsFailure> https_request(const HttpsRequest& request) {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  POSTERN_CHECK(ready);
  if (request.addresses.empty()) return failed(request, "the host has no address");
  const NoPipeSignal no_signal;
  const std::unique_ptr<CURL, EasyFree> owner(curl_easy_init());
  CURL* const easy = owner.get();
  POSTERN_CHECK(easy != nullptr);
  std::array<char, CURL_ERROR_SIZE> why{};
  Sink sink{.body = {}, .max = request.body_max, .over = false};
  const List addresses(curl_slist_append(nullptr, pinned(request).c_str()));
  const std::string url = "https://" + request.host + ':' + std::to_string(request.port) + request.path;
  bool fine = true;
  const auto set = [&](CURLoption option, auto value) {
    fine = curl_easy_setopt(easy, option, value) == CURLE_OK && fine;
  };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_PROTOCOLS_STR, "https");
  set(CURLOPT_FOLLOWLOCATION, 0L);  // RFC 8461 3.3
  set(CURLOPT_RESOLVE, addresses.get());
  set(CURLOPT_PROXY, "");  // whatever the environment says
  set(CURLOPT_NOPROXY, "*");
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!request.ca_file.empty()) {
    set(CURLOPT_CAINFO, request.ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  set(CURLOPT_CONNECT_ONLY, request.handshake_only ? 1L : 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.deadline_ms));
  set(CURLOPT_FRESH_CONNECT, 1L);
  set(CURLOPT_FORBID_REUSE, 1L);
  set(CURLOPT_USERAGENT, "postern");
  set(CURLOPT_WRITEFUNCTION, take);
  set(CURLOPT_WRITEDATA, &sink);
  set(CURLOPT_ERRORBUFFER, why.data());
  if (request.stop != nullptr) {
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, ask_whether_to_go_on);
    set(CURLOPT_XFERINFODATA, const_cast<std::atomic<bool>*>(request.stop));
  }
  List headers;
  if (request.post) {
    headers.reset(curl_slist_append(nullptr, ("Content-Type: " + request.content_type).c_str()));
    headers.reset(curl_slist_append(headers.release(), "Expect:"));
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.data());
  }
  // An option that is not taken would leave a check out: no request then.
  if (!fine) return failed(request, "libcurl does not take an option that is needed; is it Debian's?");
  const CURLcode code = curl_easy_perform(easy);
  if (sink.over) return failed(request, "the answer is longer than " + std::to_string(request.body_max) + " octets");
  if (code == CURLE_ABORTED_BY_CALLBACK) return failed(request, "broken off: the service ends");
  if (code != CURLE_OK) {
    return failed(request, why.front() != '\0' ? why.data() : curl_easy_strerror(code), is_certificate_problem(code));
  }
  HttpsAnswer out;
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  out.status = static_cast<int>(status);
  const char* type = nullptr;
  if (curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type != nullptr) {
    out.content_type = std::string_view(type).substr(0, 256);
  }
  out.body = std::move(sink.body);
  return out;
}

}  // namespace postern::outbound
