// Requests to a real TLS server on loopback, good and bad.
#include "outbound/https.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <thread>

#include "base/unique_fd.h"
#include "support.h"
#include "unit/tls_authority.h"

namespace postern::outbound {
namespace {

using postern::test::issue;
using postern::test::Issued;
using postern::test::write_certificates;
using postern::test::write_key;

// Answers each connection with `answer` once a request's header has come; ends when it is destroyed.
class WebServer {
 public:
  WebServer(const std::string& chain, const std::string& key, std::string answer) : answer_(std::move(answer)) {
    context_ = SSL_CTX_new(TLS_server_method());
    EXPECT_EQ(SSL_CTX_use_certificate_chain_file(context_, chain.c_str()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM), 1);
    listening_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listening_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listening_.get(), 8), 0);
    EXPECT_EQ(::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~WebServer() {
    ::shutdown(listening_.get(), SHUT_RDWR);
    thread_.join();
    SSL_CTX_free(context_);
  }
  WebServer(const WebServer&) = delete;
  WebServer& operator=(const WebServer&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::string& request() const { return request_; }  // the last, once it was answered

 private:
  void serve() {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);  // of clients that hang up, which is what they should do
    for (;;) {
      const UniqueFd fd(::accept(listening_.get(), nullptr, nullptr));
      if (!fd.valid()) return;
      SSL* const ssl = SSL_new(context_);
      SSL_set_fd(ssl, fd.get());
      if (SSL_accept(ssl) == 1) {
        std::string got;
        std::array<char, 4096> block;
        const auto length = [&] {
          const auto at = got.find("Content-Length: ");
          return at == std::string::npos ? 0 : std::stoul(got.substr(at + 16));
        };
        while (got.find("\r\n\r\n") == std::string::npos || got.size() < got.find("\r\n\r\n") + 4 + length()) {
          const int n = SSL_read(ssl, block.data(), block.size());
          if (n <= 0) break;
          got.append(block.data(), static_cast<std::size_t>(n));
        }
        request_ = got;
        SSL_write(ssl, answer_.data(), static_cast<int>(answer_.size()));
        SSL_shutdown(ssl);
      }
      SSL_free(ssl);
    }
  }
  std::string answer_;
  SSL_CTX* context_ = nullptr;
  UniqueFd listening_;
  std::uint16_t port_ = 0;
  std::string request_;
  std::thread thread_;
};

std::string ok(const std::string& body, const std::string& type = "text/plain") {
  return "HTTP/1.1 200 OK\r\nContent-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

class Https : public ::testing::Test {
 protected:
  Https() {
    root = issue({.subject = "root", .dns_names = {}, .authority = true});
    write_certificates(folder.at("root.pem"), {&root});
  }
  std::expected<HttpsAnswer, HttpsFailure> get(const Issued& leaf, const std::string& answer,
                                               const std::function<void(HttpsRequest&)>& change = {}) {
    write_certificates(folder.at("chain.pem"), {&leaf});
    write_key(folder.at("key.pem"), leaf);
    WebServer server(folder.at("chain.pem"), folder.at("key.pem"), answer);
    HttpsRequest request{.host = "mta-sts.a.org",
                         .port = server.port(),
                         .path = "/.well-known/mta-sts.txt",
                         .addresses = {ip::Address::loopback(ip::Family::v4)},
                         .ca_file = folder.at("root.pem"),
                         .body = {},
                         .content_type = {}};
    if (change) change(request);
    auto out = https_request(request);
    seen = server.request();
    return out;
  }
  Issued named(const std::string& name, long to_days = 10) {
    return issue({.subject = "x", .dns_names = {name}, .from_days = -20, .to_days = to_days}, &root);
  }
  testing::TemporaryFolder folder;
  Issued root;
  std::string seen;
};

TEST_F(Https, GetsWhatIsThere) {
  const auto answer = get(named("mta-sts.a.org"), ok("version: STSv1\r\n", "text/plain; charset=utf-8"));
  ASSERT_TRUE(answer.has_value()) << answer.error().what;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(answer->body, "version: STSv1\r\n");
  EXPECT_TRUE(seen.starts_with("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.a.org")) << seen;
}

TEST_F(Https, RefusesEveryCertificateThatIsNotTheHosts) {
  const Issued stranger_root = issue({.subject = "other", .dns_names = {}, .authority = true});
  const Issued by_stranger = issue({.subject = "x", .dns_names = {"mta-sts.a.org"}}, &stranger_root);
  const Issued self_signed = issue({.subject = "x", .dns_names = {"mta-sts.a.org"}});
  for (const Issued& leaf : {named("a.org"), named("*.b.org"), named("mta-sts.a.org", -3), by_stranger, self_signed}) {
    const auto answer = get(leaf, ok("x"));
    ASSERT_FALSE(answer.has_value());
    EXPECT_TRUE(answer.error().certificate) << answer.error().what;
    EXPECT_EQ(seen, "");  // nothing was asked of it
  }
  EXPECT_TRUE(get(named("*.a.org"), ok("x")).has_value());
}

TEST_F(Https, DoesNotFollowRedirects) {
  const auto answer =
      get(named("mta-sts.a.org"), "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/x\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 302);
}

TEST_F(Https, BoundsTheAnswerWhetherItsLengthIsToldOrNot) {
  const auto small = [](HttpsRequest& request) { request.body_max = 100; };
  const std::string exact(100, 'x');
  EXPECT_EQ(get(named("mta-sts.a.org"), ok(exact), small)->body, exact);
  EXPECT_FALSE(get(named("mta-sts.a.org"), ok(exact + "x"), small).has_value());
  const std::string untold = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" + exact;
  EXPECT_EQ(get(named("mta-sts.a.org"), untold, small)->body, exact);
  const auto over = get(named("mta-sts.a.org"), untold + "x", small);
  ASSERT_FALSE(over.has_value());
  EXPECT_NE(over.error().what.find("longer than 100"), std::string::npos) << over.error().what;
}

TEST_F(Https, Posts) {
  const auto answer =
      get(named("mta-sts.a.org"), "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", [](HttpsRequest& request) {
        request.post = true;
        request.body = std::string("gz\0ip", 5);
        request.content_type = "application/tlsrpt+gzip";
      });
  ASSERT_TRUE(answer.has_value()) << answer.error().what;
  EXPECT_EQ(answer->status, 201);
  EXPECT_TRUE(seen.starts_with("POST ")) << seen;
  EXPECT_NE(seen.find("Content-Type: application/tlsrpt+gzip\r\n"), std::string::npos) << seen;
  EXPECT_TRUE(seen.ends_with(std::string("\r\n\r\ngz\0ip", 9)));
}

// A server that takes the connection and says nothing.
TEST_F(Https, IsBrokenOffWhenTheServiceEnds) {
  const UniqueFd listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listening.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listening.get(), 8), 0);
  ASSERT_EQ(::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  std::atomic<bool> stop = false;
  std::thread ending([&] {
    const UniqueFd connection(::accept(listening.get(), nullptr, nullptr));
    stop = true;
    char octet = 0;
    while (::read(connection.get(), &octet, 1) > 0) {
    }
  });
  const auto answer = https_request({.host = "mta-sts.a.org",
                                     .port = ntohs(address.sin_port),
                                     .path = "/",
                                     .addresses = {ip::Address::loopback(ip::Family::v4)},
                                     .ca_file = {},
                                     .deadline_ms = 60'000,
                                     .body = {},
                                     .content_type = {},
                                     .stop = &stop});
  ending.join();
  ASSERT_FALSE(answer.has_value());
  EXPECT_NE(answer.error().what.find("broken off"), std::string::npos) << answer.error().what;
}

TEST_F(Https, FailuresAreToldWithTheUrl) {
  auto answer = get(named("mta-sts.a.org"), ok("x"), [](HttpsRequest& request) { request.addresses.clear(); });
  ASSERT_FALSE(answer.has_value());
  EXPECT_NE(answer.error().what.find("no address"), std::string::npos);
  answer = get(named("mta-sts.a.org"), "rubbish");
  ASSERT_FALSE(answer.has_value());
  EXPECT_FALSE(answer.error().certificate);
  EXPECT_NE(answer.error().what.find("https://mta-sts.a.org/.well-known/mta-sts.txt"), std::string::npos);
}

}  // namespace
}  // namespace postern::outbound
