#include <cstdint>
#include <cstdlib>

#include "maillog/journal_export.h"
#include "maillog/line.h"

// An export of the journal: the same lines however it is cut, the same end, none too long, none without its newline.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::maillog;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string whole;
  JournalExport first;
  first.feed(text, whole);
  const bool ended = first.finish(whole);
  std::string cut;
  JournalExport second;
  const std::size_t step = size == 0 ? 1 : 1 + data[0] % 7;
  for (std::size_t at = 0; at < size; at += step) second.feed(text.substr(at, step), cut);
  if (second.finish(cut) != ended || first.dropped() != second.dropped()) std::abort();
  if (whole != cut || (!whole.empty() && whole.back() != '\n')) std::abort();
  for (std::size_t from = 0; from < whole.size();) {
    const std::size_t end = whole.find('\n', from);
    if (end - from > kLineMax) std::abort();
    from = end + 1;
  }
  return 0;
}
