#include "resolver/direct.h"

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/unique_fd.h"
#include "dns/wire.h"
#include "io/sockaddr.h"

namespace postern::resolver {

namespace {

using Problem = DirectAnswer::Problem;

constexpr std::size_t kReadMax = 65536;

// One question under way.
class Exchange {
 public:
  Exchange(const DirectQuestion& question, DirectAnswer& answer) : question_(question), answer_(answer) {}

  void begin() {
    if (::getrandom(&id_, sizeof id_, 0) != sizeof id_) return end(Problem::no_route, "no randomness");
    query_ = dns::query_packet(id_, question_.name, question_.type, question_.options);
    if (question_.tcp) {  // RFC 1035 4.2.2: the length in front
      query_.insert(0, {static_cast<char>(query_.size() >> 8U), static_cast<char>(query_.size() & 0xFFU)});
    }
    io::SocketAddress address = io::to_socket_address(question_.server);
    const int kind = question_.tcp ? SOCK_STREAM : SOCK_DGRAM;
    fd_ = UniqueFd(::socket(address.storage.ss_family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd_.valid()) return failed(errno);
    // Connected: the kernel drops what comes from elsewhere.
    if (::connect(fd_.get(), address.get(), address.size) != 0 && errno != EINPROGRESS) return failed(errno);
    if (!question_.tcp) send_datagram();
  }
  void repeat() {
    if (!done_ && !question_.tcp) send_datagram();
  }
  void give_up() {
    if (!done_) end(Problem::timeout, "no answer in time");
  }
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] pollfd wanted() const {
    const bool writing = question_.tcp && sent_ < query_.size();
    return {fd_.get(), static_cast<short>(writing ? POLLOUT : POLLIN), 0};
  }
  void ready() {
    if (question_.tcp && sent_ < query_.size()) return write();
    read();
  }

 private:
  void end(Problem problem, std::string what) {
    answer_.problem = problem;
    answer_.what = std::move(what);
    done_ = true;
    fd_.reset();
  }
  void failed(int error) {
    const bool nobody = error == ECONNREFUSED || error == ECONNRESET || error == EPIPE;
    const bool ours = error == ENETUNREACH || error == EADDRNOTAVAIL || error == EAFNOSUPPORT || error == EACCES ||
                      error == EPERM || error == EMFILE || error == ENFILE;
    const Problem problem = nobody ? Problem::refused : ours ? Problem::no_route : Problem::timeout;
    std::array<char, 128> text{};
    end(problem, ::strerror_r(error, text.data(), text.size()));
  }
  void send_datagram() {
    if (::send(fd_.get(), query_.data(), query_.size(), MSG_NOSIGNAL) < 0 && errno != EAGAIN) failed(errno);
  }
  void write() {
    const auto wrote = ::send(fd_.get(), query_.data() + sent_, query_.size() - sent_, MSG_NOSIGNAL);
    if (wrote < 0) {
      if (errno != EAGAIN) failed(errno);
      return;
    }
    sent_ += static_cast<std::size_t>(wrote);
  }
  void read() {
    std::array<char, kReadMax> buffer;
    const auto got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) {
      if (errno != EAGAIN) failed(errno);
      return;
    }
    const std::string_view octets(buffer.data(), static_cast<std::size_t>(got));
    if (!question_.tcp) return take(octets, false);
    if (got == 0) return end(Problem::refused, "the server closed the connection without an answer");
    stream_ += octets;
    if (stream_.size() < 2) return;
    const std::size_t length =
        (std::size_t{static_cast<std::uint8_t>(stream_[0])} << 8U) | static_cast<std::uint8_t>(stream_[1]);
    if (stream_.size() - 2 >= length) take(std::string_view(stream_).substr(2, length), true);
  }
  // A datagram that is no answer to this question may be anybody's: what comes after it may be the answer.
  void take(std::string_view octets, bool last) {
    auto packet = dns::parse_packet(octets, id_, question_.name, question_.type);
    if (!packet) {
      if (last || (octets.size() >= 2 && dns::reply_code(octets, id_))) {
        end(Problem::malformed, "what came is no answer to the question");
      }
      return;
    }
    answer_.octets = octets.size();
    answer_.packet = std::move(packet);
    end(Problem::none, {});
  }

  const DirectQuestion& question_;
  DirectAnswer& answer_;
  UniqueFd fd_;
  std::uint16_t id_ = 0;
  std::string query_, stream_;
  std::size_t sent_ = 0;
  bool done_ = false;
};

// Until `until`, or until nothing is open any more.
void turn(std::vector<Exchange>& exchanges, Clock::time_point until) {
  std::vector<pollfd> wanted;
  std::vector<Exchange*> open;
  for (;;) {
    wanted.clear();
    open.clear();
    for (Exchange& exchange : exchanges) {
      if (exchange.done()) continue;
      wanted.push_back(exchange.wanted());
      open.push_back(&exchange);
    }
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    if (open.empty() || left <= 0) return;
    if (::poll(wanted.data(), wanted.size(), static_cast<int>(left)) < 0 && errno != EINTR) return;
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (wanted[i].revents != 0) open[i]->ready();
    }
  }
}

}  // namespace

std::vector<DirectAnswer> ask_directly(const std::vector<DirectQuestion>& questions, milliseconds timeout) {
  std::vector<DirectAnswer> answers(questions.size());
  std::vector<Exchange> exchanges;
  exchanges.reserve(std::min(questions.size(), kDirectQuestionsMax));
  for (std::size_t i = 0; i < questions.size(); ++i) {
    if (i >= kDirectQuestionsMax) {
      answers[i].problem = Problem::no_route;
      answers[i].what = "too many questions at once";
      continue;
    }
    exchanges.emplace_back(questions[i], answers[i]);
    exchanges.back().begin();
  }
  const auto now = Clock::now();
  turn(exchanges, now + timeout / 2);
  for (Exchange& exchange : exchanges) exchange.repeat();
  turn(exchanges, now + timeout);
  for (Exchange& exchange : exchanges) exchange.give_up();
  return answers;
}

}  // namespace postern::resolver
