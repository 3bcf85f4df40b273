#include "dkim/field_writer.h"

namespace postern::dkim {
namespace {

constexpr std::string_view kFold = "\r\n\t";
constexpr std::size_t kTabColumns = 1;  // RFC 5322 2.1.1 counts characters

}  // namespace

std::size_t FieldWriter::column() const {
  const std::size_t line = text_.rfind('\n');
  return line == std::string::npos ? text_.size() : text_.size() - line - 1;
}

// `glued`: nothing may stand between it and what is there; else a space, or a fold.
void FieldWriter::piece(std::string_view text, bool glued) {
  const std::size_t space = glued ? 0 : 1;
  if (column() + space + text.size() <= kColumnsMax || column() <= kTabColumns) {
    if (!glued && column() > kTabColumns) text_ += ' ';
  } else {
    text_ += kFold;
  }
  text_ += text;
}

void FieldWriter::tag(std::string_view name, std::string_view value) {
  std::string text(name);
  text += '=';
  text += value;
  text += ';';
  piece(text, false);
}

void FieldWriter::list(std::string_view name, const std::vector<std::string>& items) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    std::string text = i == 0 ? std::string(name) + "=" : std::string();
    text += items[i];
    text += i + 1 == items.size() ? ';' : ':';
    piece(text, i > 0);
  }
}

void FieldWriter::begin_signature() {
  text_ += kFold;
  text_ += "b=";
}

void FieldWriter::signature(std::string_view base64_value) {
  while (!base64_value.empty()) {
    if (column() >= kColumnsMax) text_ += kFold;
    const std::string_view line = base64_value.substr(0, kColumnsMax - column());
    text_ += line;
    base64_value.remove_prefix(line.size());
  }
}

}  // namespace postern::dkim
