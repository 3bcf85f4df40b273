// Journal export format (systemd's JOURNAL_EXPORT_FORMATS): what `journalctl -o export` prints, turned into lines of a
// log, so that one reader does for both: "2026-11-21T06:13:28.123456Z host postfix/smtpd[911]: message". Fields are
// "NAME=value" lines, or NAME, a length of eight octets and so many octets; an empty line ends an entry.
//
// An entry without an identifier is a line of the program "-": another program's. One without a time is none, and is
// counted as dropped.
//
// Sans-IO: octets come as they come, it does not matter how they are cut. Bounds: values above kLineMax are cut, and
// newlines within become spaces. Thread rule: one thread an object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::maillog {

class JournalExport {
 public:
  // Whether a file that begins so is one: its first field is "__CURSOR=" or another with two underlines before it.
  [[nodiscard]] static bool begins(std::string_view head) { return head.starts_with("__"); }
  static constexpr std::size_t kHead = 2;

  // Appends a line with its newline for each entry that ends in `octets`.
  void feed(std::string_view octets, std::string& lines);
  // The end of the file ends an entry as well. False where it comes within a field: the export was cut, and its last
  // entry is dropped.
  [[nodiscard]] bool finish(std::string& lines);
  // Entries that gave no line.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  enum class State : std::uint8_t { name, value, length, binary, binary_end };
  enum class Field : std::uint8_t { other, message, identifier, pid, syslog_pid, host, time, source_time };
  void end_name();
  void end_value();
  void end_entry(std::string& lines);
  std::string& target();
  void put(std::string_view octets);

  State state_ = State::name;
  Field field_ = Field::other;
  std::string name_;
  bool any_ = false;  // the entry has a field
  std::uint64_t dropped_ = 0;
  std::uint64_t left_ = 0;  // octets of a binary value
  unsigned length_octets_ = 0;
  std::string message_, identifier_, pid_, syslog_pid_, host_, time_, source_time_, ignored_;
};

}  // namespace postern::maillog
