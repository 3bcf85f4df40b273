// Helpers of the spool's tests: coroutines run to their end on a loop, messages made and read back.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "io/loop.h"
#include "spool/store.h"

namespace postern::spool::test {

class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "postern-spool-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

template <class T>
Task<void> keep_and_stop(Task<T> task, std::optional<T>& out, io::Loop& loop) {
  out.emplace(co_await task);
  loop.stop();
}

// Runs the loop on this thread until the task has ended.
template <class T>
T run(io::Loop& loop, Task<T> task) {
  std::optional<T> result;
  io::Scope scope(loop);
  Task<void> root = keep_and_stop(std::move(task), result, loop);
  loop.post([&] { scope.spawn(std::move(root)); });
  loop.run();
  return std::move(*result);
}

// Octets that differ from place to place and from message to message.
inline std::string body_of(std::size_t size, unsigned seed) {
  std::string body(size, '\0');
  std::uint32_t state = seed * 2654435761U + 1;
  for (char& octet : body) {
    state = state * 1664525U + 1013904223U;
    octet = static_cast<char>(state >> 24U);
  }
  return body;
}

inline Envelope envelope_of(WallMs due, std::size_t recipients = 1) {
  Envelope envelope;
  envelope.id = Id::make(wall_now());
  envelope.session = Id::make(wall_now());
  envelope.arrived = wall_now();
  envelope.next_attempt = due;
  envelope.reverse_path = "sender@example.org";
  envelope.client = "[2001:db8::1]:4711";
  for (std::size_t i = 0; i < recipients; ++i) {
    Recipient recipient;
    recipient.forward_path = "r" + std::to_string(i) + "@example.net";
    envelope.recipients.push_back(recipient);
  }
  return envelope;
}

// In pieces of `step` octets, by both doors of the intake.
inline Task<Result<void>> commit_message(Store& store, io::Loop& loop, Envelope envelope, std::string body,
                                         std::size_t step) {
  auto intake = store.begin(loop);
  if (!intake) co_return std::unexpected(intake.error());
  for (std::size_t at = 0; at < body.size(); at += step) {
    const std::string_view piece = std::string_view(body).substr(at, step);
    if ((*intake)->fits(piece.size())) {
      (*intake)->append_now(piece);
      continue;
    }
    Result<void> appended = co_await (*intake)->append(piece);
    if (!appended) co_return appended;
  }
  EXPECT_EQ((*intake)->size(), body.size());
  co_return co_await (*intake)->commit(std::move(envelope));
}

inline Result<void> put(Store& store, io::Loop& loop, const Envelope& envelope, const std::string& body,
                        std::size_t step = 5000) {
  return run(loop, commit_message(store, loop, envelope, body, step));
}

inline Result<std::string> read_body(Store& store, const Id& id, std::size_t step = 64 * 1024) {
  POSTERN_TRY(const std::unique_ptr<Body> body, store.open_body(id));
  std::string all;
  while (all.size() < body->size()) {
    POSTERN_TRY(const std::string part, body->read(all.size(), step));
    if (part.empty()) return fail(ErrorKind::storage, "the body ends too early");
    all += part;
  }
  POSTERN_TRY(const std::string beyond, body->read(all.size(), step));
  if (!beyond.empty()) return fail(ErrorKind::storage, "the body does not end");
  return all;
}

inline RecipientOutcome outcome(std::uint32_t index, RecipientState state, std::string reply = "250 2.0.0 ok") {
  return {index, state, std::move(reply)};
}

}  // namespace postern::spool::test
