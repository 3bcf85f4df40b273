#include "control/record_commands.h"

#include "base/log.h"
#include "base/text.h"
#include "insight/marks.h"

namespace postern::control {

namespace {

Task<Result<json::Value>> run_flush(io::BlockingPool& pool, std::function<void()> flush) {
  // A pool's work has a value; what it is nobody asks.
  co_await pool.run<bool>([work = std::move(flush)] {
    work();
    return true;
  });
  co_return json::Value(json::Value::Object{});
}

Task<Result<json::Value>> run_mark(io::BlockingPool& pool, std::string file, json::Value request) {
  const auto id = Id::parse(request.at("id").string());
  const std::string_view word = request.at("mark").string();
  if (!id) co_return fail(ErrorKind::invalid, "\"" + printable(request.at("id").string(), 64) + "\" is not an id");
  if (word != "ham" && word != "spam") co_return fail(ErrorKind::invalid, "a mark is ham or spam");
  const insight::Mark mark{.id = *id,
                           .word = word == "ham" ? insight::MarkWord::ham : insight::MarkWord::spam,
                           .note = std::string(request.at("note").string().substr(0, insight::kNoteMax))};
  std::move_only_function<Result<void>()> work = [file = std::move(file), mark] {
    return insight::append_mark(file, mark, wall_now());
  };
  const auto done = co_await pool.run<Result<void>>(std::move(work));
  if (!done) co_return std::unexpected(done.error());
  log::info("marked", {{"id", id->text()}, {"mark", mark.word == insight::MarkWord::ham ? "ham" : "spam"}});
  co_return json::Value(json::Value::Object{});
}

}  // namespace

void add_mark_command(Server& server, io::BlockingPool& pool, std::string file) {
  server.handle("mark", [&pool, file = std::move(file)](json::Value request) {
    return run_mark(pool, file, std::move(request));
  });
}

void add_record_commands(Server& server, io::BlockingPool& pool, std::function<void()> flush) {
  server.handle("records.flush",
                [&pool, flush = std::move(flush)](json::Value /*request*/) { return run_flush(pool, flush); });
}

}  // namespace postern::control
