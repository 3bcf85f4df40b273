#include <cstdint>
#include <cstdlib>

#include "maillog/fields.h"
#include "maillog/tally.h"

// Lines of a log: whatever is in them, every part is a piece of the line, each line is counted once, and two halves
// make the same sum as the whole.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::maillog;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  constexpr postern::WallMs kNow = 1795392000000;
  const TallyOptions options{.time = {.now = kNow, .utc_offset_s = 3600}, .keep_unknown = true};
  Tally whole(options);
  Tally odd(options);
  Tally even(options);
  std::vector<Field> fields;
  std::uint64_t lines = 0;
  for (std::size_t from = 0; from < all.size();) {
    const std::size_t end = std::min(all.find('\n', from), all.size());
    const std::string_view text = all.substr(from, end - from);
    from = end + 1;
    whole.add(text, lines);
    if (size % 8 == 0) (lines % 2 == 0 ? even : odd).add(text, lines);
    if (!text.empty()) ++lines;
    const Line line = split_line(text);
    const auto time = time_of(line, options.time);
    if (time && !day_of(line, options.time)) std::abort();
    Event event;
    read_event(line, event);
    fields.clear();
    append_fields(event, fields);
    const auto inside = [&](std::string_view part) {
      return part.empty() || (part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size());
    };
    for (const std::string_view part :
         {line.message, line.host, line.program, line.pid, event.queue_id, event.host.address, event.text, event.pairs,
          event.data, event.cipher, event.rest})
      if (!inside(part)) std::abort();
    for (const Field& field : fields)
      if (field.value.size() > std::max<std::size_t>(text.size(), 24)) std::abort();
  }
  if (whole.lines.total != lines) std::abort();
  if (size % 8 != 0) return 0;  // the sum costs more than all the rest
  even.add(odd);
  std::string one;
  std::string two;
  for (auto& [tally, out] : {std::pair{&whole, &one}, {&even, &two}}) {
    postern::json::Writer writer(*out);
    writer.begin_object();
    append_json(*tally, writer);
    writer.end_object();
  }
  if (!postern::json::parse(one)) std::abort();
  if (one != two && whole.prefixes().exact()) std::abort();
  return 0;
}
