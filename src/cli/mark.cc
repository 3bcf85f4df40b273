// `postern mark`: the operator's word about a session or a message, for the ground truth of signals and replay.
#include "base/id.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/record_source.h"
#include "config/config.h"

namespace postern::cli {

int run_mark(const MarkOptions& options) {
  const auto id = Id::parse(options.id);
  if (!id) {
    complain("\"" + printable(options.id, 64) +
             "\" is not an id; an id has 16 letters and digits, as refusals have it");
    return kUsage;
  }
  if (options.word != "ham" && options.word != "spam") {
    complain("a mark is ham or spam, not \"" + printable(options.word, 64) + "\"");
    return kUsage;
  }
  std::string folder = options.data_dir;
  if (folder.empty()) {
    const config::Loaded loaded = config::load(options.config);
    if (loaded.data_dir.empty()) {
      for (const config::Problem& problem : loaded.problems) complain(problem.text());
      return kNegative;
    }
    folder = loaded.data_dir;
  }
  const insight::Mark mark{.id = *id,
                           .word = options.word == "ham" ? insight::MarkWord::ham : insight::MarkWord::spam,
                           .note = options.note};
  if (const auto done = insight::append_mark(folder + "/marks.jsonl", mark, wall_now()); !done) {
    complain(done.error().what);
    return kNegative;
  }
  return kOk;
}

}  // namespace postern::cli
