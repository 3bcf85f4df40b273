#include "control/record_commands.h"

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

}  // namespace

void add_record_commands(Server& server, io::BlockingPool& pool, std::function<void()> flush) {
  server.handle("records.flush",
                [&pool, flush = std::move(flush)](json::Value /*request*/) { return run_flush(pool, flush); });
}

}  // namespace postern::control
