#include "dkim/header_digest.h"

#include <algorithm>
#include <compare>
#include <functional>

#include "base/text.h"
#include "dkim/tag_list.h"

namespace postern::dkim {
namespace {

constexpr std::size_t kGathered = std::size_t{16} * 1024;

std::uint64_t head_of(std::string_view name) {
  std::uint64_t head = 0;
  for (std::size_t i = 0; i < 8; ++i)
    head = (head << 8U) | (i < name.size() ? static_cast<unsigned char>(name[i]) : 0U);
  return head;
}

std::strong_ordering compare(const FieldIndex::Entry& entry, std::uint64_t head, std::string_view name) {
  if (entry.head != head) return entry.head <=> head;
  return entry.name <=> name;
}

// Appends the fields to a text; hands it to `flush` whenever it has grown.
template <class Flush>
void select_fields(const FieldIndex& index, const std::vector<std::string>& names, Canon canon,
                   const message::Field& own, std::string& out, Flush flush) {
  // How many fields of each name were taken, kept where the name's first entry stands.
  std::vector<std::uint32_t> taken(index.entries().size(), 0);
  for (const std::string& name : names) {
    const auto same = index.find(name);
    if (same.empty()) continue;
    std::uint32_t& count = taken[static_cast<std::size_t>(same.data() - index.entries().data())];
    // 5.4.2: from the bottom up; what is beyond the top is the null string
    while (count < same.size()) {
      const message::Field& field = *same[same.size() - ++count].field;
      if (field.raw.data() == own.raw.data()) continue;
      canonical_field(canon, field.raw, out);
      break;
    }
    if (out.size() >= kGathered) flush();
  }
}

// 3.7: "with the value of the b= tag (including all surrounding whitespace) deleted", without a trailing CRLF
void append_own(Canon canon, const message::Field& own, std::string& out) {
  std::string raw(own.raw);
  const auto tags = TagList::parse(own.body);
  if (tags) {
    if (const Tag* const tag = tags->find("b")) {
      const auto body = static_cast<std::size_t>(own.body.data() - own.raw.data());
      raw.erase(body + tag->value_offset, tag->value_length);
    }
  }
  canonical_field(canon, raw, out);
  out.resize(out.size() - 2);
}

}  // namespace

FieldIndex::FieldIndex(const message::HeaderSection& header) {
  std::size_t octets = 0;
  for (const message::Field& field : header.fields()) octets += field.name.size();
  names_.reserve(octets);  // views into it stay valid
  entries_.reserve(header.fields().size());
  for (const message::Field& field : header.fields()) {
    if (field.name.empty()) continue;  // no field at all: nothing can name it
    const std::size_t start = names_.size();
    for (const char c : field.name) names_.push_back(ascii_lower(c));
    const std::string_view name = std::string_view(names_).substr(start);
    entries_.push_back({.head = head_of(name), .name = name, .field = &field});
  }
  // Fields lie in the header's order in one vector, so their places are their order.
  std::ranges::sort(entries_, [](const Entry& a, const Entry& b) {
    const auto order = compare(a, b.head, b.name);
    return order != 0 ? order < 0 : std::less<>()(a.field, b.field);
  });
}

std::span<const FieldIndex::Entry> FieldIndex::find(std::string_view name) const {
  const std::uint64_t head = head_of(name);
  const auto first =
      std::ranges::partition_point(entries_, [&](const Entry& entry) { return compare(entry, head, name) < 0; });
  // Not by counting: a name may be looked for as often as an h= has it, and a header may have that field very often.
  const auto last =
      std::partition_point(first, entries_.end(), [&](const Entry& entry) { return compare(entry, head, name) == 0; });
  return {first, last};
}

bool covers_every_from(const FieldIndex& index, const std::vector<std::string>& names) {
  const auto named = std::ranges::count(names, std::string_view("from"));
  return index.find("from").size() <= static_cast<std::size_t>(named);
}

crypto::Digest header_digest(const FieldIndex& index, const std::vector<std::string>& names, Canon canon,
                             const message::Field& own) {
  crypto::Sha256 sha;
  std::string text;
  text.reserve(4096);
  select_fields(index, names, canon, own, text, [&] {
    sha.update(text);
    text.clear();
  });
  append_own(canon, own, text);
  sha.update(text);
  return sha.finish();
}

crypto::Digest header_digest(const message::HeaderSection& header, const std::vector<std::string>& names, Canon canon,
                             const message::Field& own) {
  return header_digest(FieldIndex(header), names, canon, own);
}

std::string signed_header(const FieldIndex& index, const std::vector<std::string>& names, Canon canon,
                          const message::Field& own) {
  std::string text;
  select_fields(index, names, canon, own, text, [] {});
  append_own(canon, own, text);
  return text;
}

}  // namespace postern::dkim
