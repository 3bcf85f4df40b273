// TLS handshakes of our server: CPU per full TLS 1.3 handshake with an ECDSA certificate over a socket pair, beside
// bare OpenSSL with memory BIOs. The clients of both run in the same thread and are bare OpenSSL; what counts is the
// thread's CPU time spent on the server's side, so it is measured as (server and client) - (client alone, taken from
// the bare run).
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>

#include "io/loop.h"
#include "io/stream.h"
#include "io/tls.h"

using namespace postern;

namespace {

double cpu() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

struct Split {
  double server = 0;
  double client = 0;
};

Split bare(const io::TlsCertificate& files, SSL_CTX* client_ctx, int rounds) {
  SSL_CTX* const ctx = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate_chain_file(ctx, files.certificate.c_str());
  SSL_CTX_use_PrivateKey_file(ctx, files.key.c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_set_num_tickets(ctx, 1);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  Split out;
  for (int i = 0; i < rounds; ++i) {
    double at = cpu();
    SSL* const c = SSL_new(client_ctx);
    BIO* const to_server = BIO_new(BIO_s_mem());
    BIO* const to_client = BIO_new(BIO_s_mem());
    BIO_up_ref(to_server);
    BIO_up_ref(to_client);
    SSL_set_bio(c, to_client, to_server);
    SSL_set_connect_state(c);
    double now = cpu();
    out.client += now - at;
    at = now;
    SSL* const s = SSL_new(ctx);
    SSL_set_bio(s, to_server, to_client);
    SSL_set_accept_state(s);
    now = cpu();
    out.server += now - at;
    bool client_done = false;
    bool server_done = false;
    while (!client_done || !server_done) {
      at = cpu();
      client_done = SSL_do_handshake(c) == 1;
      now = cpu();
      out.client += now - at;
      at = now;
      server_done = SSL_do_handshake(s) == 1;
      out.server += cpu() - at;
    }
    at = cpu();
    SSL_free(s);
    now = cpu();
    out.server += now - at;
    SSL_free(c);
    out.client += cpu() - now;
  }
  SSL_CTX_free(ctx);
  return out;
}

Task<void> serve(io::Loop& loop, std::shared_ptr<io::TlsServerContext> context, SSL_CTX* client_ctx, int rounds,
                 Split& out) {
  const double begin = cpu();
  for (int i = 0; i < rounds; ++i) {
    std::array<int, 2> fds{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()) != 0) std::abort();
    auto stream = io::make_stream(loop, UniqueFd(fds[0]));
    const double at = cpu();
    SSL* const c = SSL_new(client_ctx);
    SSL_set_fd(c, fds[1]);
    SSL_set_connect_state(c);
    SSL_do_handshake(c);
    out.client += cpu() - at;
    // The rest of the client's work is done when the server waits for it.
    bool done = false;
    loop.post([&] {
      const double from = cpu();
      done = SSL_do_handshake(c) == 1;
      out.client += cpu() - from;
    });
    const auto up = co_await stream->start_tls_server(context, Deadline::after(seconds(10)));
    if (!up || !done) std::abort();
    const double from = cpu();
    SSL_free(c);
    out.client += cpu() - from;
    close(fds[1]);
  }
  out.server = cpu() - begin - out.client;
  loop.stop();
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 2000;
  std::string folder = (std::filesystem::temp_directory_path() / "postern_bench_XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  const io::TlsCertificate files{folder + "/crt", folder + "/key", {}};
  if (!io::ensure_self_signed(files.certificate, files.key, "mx.example.org")) return 1;
  io::TlsServerOptions options;
  options.certificates = {files};
  options.keep_client_hello = true;  // as the server does, for fingerprints
  auto context = io::TlsServerContext::make(options);
  if (!context) return 1;
  SSL_CTX* const client = SSL_CTX_new(TLS_client_method());
  for (int run = 0; run < 3; ++run) {
    const Split reference = bare(files, client, rounds);
    io::Loop loop;
    Split ours;
    io::Scope scope(loop);
    loop.post([&] { scope.spawn(serve(loop, *context, client, rounds, ours)); });
    loop.run();
    std::printf(
        "server CPU per full TLS 1.3 handshake: bare OpenSSL %.3f ms, Postern over sockets %.3f ms, ratio %.2f\n",
        reference.server * 1e3 / rounds, ours.server * 1e3 / rounds, ours.server / reference.server);
  }
  SSL_CTX_free(client);
  std::filesystem::remove_all(folder);
  return 0;
}
