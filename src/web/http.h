// Reading an HTTP/1.1 request (RFC 9112) from octets as they come: Boost.Beast's parser behind a header of our own, and
// what we demand beyond it: one Host field, no transfer coding (RFC 9112 6.1 lets a server refuse it), a target in
// origin or absolute form. Sans-IO: it must not matter how the octets were cut. Thread rule: a value of one connection.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "web/message.h"

namespace postern::web {

class RequestReader {
 public:
  enum class State : std::uint8_t {
    empty,  // nothing of a request has come
    head,
    body,
    done,
    refused,  // `status` and `problem` say why; the connection ends
  };
  RequestReader();
  ~RequestReader();
  RequestReader(RequestReader&&) noexcept;
  RequestReader& operator=(RequestReader&&) noexcept;

  // Takes what arrived. Octets of the request behind this one are kept.
  State feed(std::string_view octets);
  // Of a request that is done; the reader begins with the next one, whose octets may have come already.
  [[nodiscard]] Request take();
  [[nodiscard]] State state() const;
  [[nodiscard]] int status() const;
  [[nodiscard]] const std::string& problem() const;
  // True once where the client waits for "100 Continue" (RFC 9110 10.1.1).
  [[nodiscard]] bool expects_continue();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::web
