// Marks: what the operator said of a session or a message after the fact (`postern mark ID ham|spam`). The strongest
// ground truth there is. data_dir/marks.jsonl, a line a mark:
//   {"id":"M7YDGB6VQ0N6K727","mark":"spam","time":"2026-11-21T06:43:08.123Z","note":"..."}
// Of several marks of one id the last holds. A line is appended with one write under flock(2), so that several tools
// and the server may use the file at once; no server need run. Thread rule: any thread; blocks on the file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/id.h"
#include "base/result.h"

namespace postern::insight {

inline constexpr std::size_t kMarksMax = 1'000'000;  // read; further ones are counted and not held
inline constexpr std::size_t kNoteMax = 512;         // octets

enum class MarkWord : std::uint8_t { ham, spam };

struct Mark {
  Id id;  // of a session or a message
  MarkWord word = MarkWord::ham;
  std::string note;
};

class Marks {
 public:
  // No file: no marks. Lines that are none are counted.
  [[nodiscard]] static Result<Marks> read(const std::string& file);
  [[nodiscard]] const MarkWord* find(const Id& id) const;
  [[nodiscard]] const MarkWord* find(std::string_view id) const;  // none where it is no id
  [[nodiscard]] bool empty() const { return marks_.empty(); }
  [[nodiscard]] std::size_t size() const { return marks_.size(); }
  [[nodiscard]] std::uint64_t skipped() const { return skipped_; }
  void add(const Id& id, MarkWord word) { marks_.insert_or_assign(id, word); }
  // One line of the file; false where it is none.
  bool add_line(std::string_view line);

 private:
  std::unordered_map<Id, MarkWord, IdHash> marks_;
  std::uint64_t skipped_ = 0;
};

// Appends, and makes the file (0600) where there is none. A last line that was cut is ended first.
[[nodiscard]] Result<void> append_mark(const std::string& file, const Mark& mark, WallMs now);

}  // namespace postern::insight
