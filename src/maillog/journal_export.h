// Journal export format (systemd's JOURNAL_EXPORT_FORMATS): what `journalctl -o export` prints, turned into lines of a
// log, so that one reader does for both: "2026-11-21T06:13:28.123456Z host postfix/smtpd[911]: message". Fields are
// "NAME=value" lines, or NAME, a length of eight octets and so many octets; an empty line ends an entry.
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
  // The end of the file ends an entry as well.
  void finish(std::string& lines);

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
  std::uint64_t left_ = 0;  // octets of a binary value
  unsigned length_octets_ = 0;
  std::string message_, identifier_, pid_, syslog_pid_, host_, time_, source_time_, ignored_;
};

}  // namespace postern::maillog
