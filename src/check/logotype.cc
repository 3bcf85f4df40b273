// The logo in a certificate, and whether it is a logo as BIMI wants them.
#include <array>
#include <cstdlib>

#include "base/text.h"
#include "check/mark.h"
#include "gzip/gzip.h"

namespace postern::check {

namespace {

constexpr unsigned kSequence = 0x30, kText = 0x16, kSubject = 0xA2, kDirect = 0xA0;
constexpr std::size_t kDetailsMax = 16;  // of one list that is walked

// DER: one element after the other of a value; nothing is copied.
class Der {
 public:
  explicit Der(std::string_view octets) : rest_(octets) {}
  struct Element {
    unsigned tag = 0;
    std::string_view value;
  };
  // nullopt: at the end, or what follows is no element.
  std::optional<Element> next() {
    if (rest_.size() < 2) return std::nullopt;
    Element out{static_cast<unsigned char>(rest_[0]), {}};
    std::size_t length = static_cast<unsigned char>(rest_[1]);
    std::size_t head = 2;
    if (length >= 0x80) {
      const std::size_t octets = length & 0x7FU;
      if (octets == 0 || octets > 3 || rest_.size() < 2 + octets) return std::nullopt;
      length = 0;
      for (std::size_t i = 0; i < octets; ++i) length = length << 8U | static_cast<unsigned char>(rest_[2 + i]);
      head += octets;
    }
    if (rest_.size() - head < length) return std::nullopt;
    out.value = rest_.substr(head, length);
    rest_.remove_prefix(head + length);
    return out;
  }
  // The value of the next element with that tag; others before it are passed over.
  std::optional<std::string_view> find(unsigned tag) {
    for (std::size_t i = 0; i < kDetailsMax; ++i) {
      const auto one = next();
      if (!one) return std::nullopt;
      if (one->tag == tag) return one->value;
    }
    return std::nullopt;
  }

 private:
  std::string_view rest_;
};

std::optional<std::string_view> inside(std::optional<std::string_view> value, unsigned tag) {
  return value ? Der(*value).find(tag) : std::nullopt;
}

// The value of an attribute of the first <svg ...>.
std::optional<std::string_view> attribute(std::string_view element, std::string_view name) {
  std::size_t at = 0;
  while ((at = element.find(name, at)) != std::string_view::npos) {
    const char before = at > 0 ? element[at - 1] : '\0';
    std::string_view rest = element.substr(at + name.size());
    at += name.size();
    if (before != ' ' && before != '\t' && before != '\n' && before != '\r') continue;
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\n')) rest.remove_prefix(1);
    if (!rest.starts_with('=')) continue;
    rest = trim(rest.substr(1));
    if (rest.empty() || (rest.front() != '"' && rest.front() != '\'')) return std::nullopt;
    const std::size_t end = rest.find(rest.front(), 1);
    if (end == std::string_view::npos) return std::nullopt;
    return rest.substr(1, end - 1);
  }
  return std::nullopt;
}

std::optional<std::array<double, 4>> four_numbers(std::string_view text) {
  std::string words(text.substr(0, 200));
  for (char& c : words) c = c == ',' ? ' ' : c;
  std::array<double, 4> out{};
  const char* at = words.c_str();
  for (double& number : out) {
    char* end = nullptr;
    number = std::strtod(at, &end);
    if (end == at) return std::nullopt;
    at = end;
  }
  return out;
}

}  // namespace

Result<std::string> embedded_logo(std::string_view extension) {
  const auto outer = Der(extension).find(kSequence);
  if (!outer) return fail(ErrorKind::invalid, "the logotype extension is no sequence");
  const auto subject = inside(outer, kSubject);
  if (!subject) return fail(ErrorKind::not_found, "the logotype extension has no logo of the subject");
  // LogotypeInfo, LogotypeData, image, LogotypeImage, LogotypeDetails
  const auto images = inside(inside(subject, kDirect), kSequence);
  const auto details = inside(inside(images, kSequence), kSequence);
  if (!details) return fail(ErrorKind::invalid, "the subject's logo is not in the certificate itself (RFC 3709 4.1)");
  Der fields(*details);
  const auto type = fields.find(kText);
  const auto hashes = fields.find(kSequence);
  const auto uris = fields.find(kSequence);
  if (!type || !hashes || !uris) return fail(ErrorKind::invalid, "the details of the logo cannot be read");
  if (!iequals(*type, "image/svg+xml"))
    return fail(ErrorKind::invalid, "the logo is " + printable(*type, 60) + ", not image/svg+xml");
  const auto uri = Der(*uris).find(kText);
  constexpr std::string_view kData = "data:image/svg+xml;base64,";
  if (!uri || !istarts_with(*uri, kData))
    return fail(ErrorKind::invalid, "the logo is not a data: URI of SVG in base64");
  const std::string_view encoded = uri->substr(kData.size());
  if (encoded.size() > 2 * kMarkMax) return fail(ErrorKind::limit, "the logo is too long");
  auto octets = from_base64(encoded);
  if (!octets) return fail(ErrorKind::invalid, "the logo is no base64");
  if (!gzip::is_gzip(*octets)) return *std::move(octets);
  return gzip::expand(*octets, kMarkMax);
}

std::vector<std::string> svg_flaws(std::string_view svg) {
  std::vector<std::string> flaws;
  const std::string text = lower(svg.substr(0, kMarkMax));
  const std::size_t begin = text.find("<svg");
  const std::size_t end = begin == std::string::npos ? begin : text.find('>', begin);
  if (end == std::string::npos) return {"no SVG"};
  const std::string_view element = std::string_view(text).substr(begin, end - begin);
  if (attribute(element, "baseprofile") != "tiny-ps") flaws.emplace_back("no baseProfile=\"tiny-ps\"");
  const auto box = attribute(element, "viewbox");
  const auto numbers = box ? four_numbers(*box) : std::nullopt;
  if (!numbers) {
    flaws.emplace_back("no viewBox");
  } else if (!((*numbers)[2] > 0) || (*numbers)[2] != (*numbers)[3]) {
    flaws.push_back("not square: viewBox=\"" + printable(*box, 60) + "\"");
  }
  if (text.contains("<script")) flaws.emplace_back("a script");
  return flaws;
}

}  // namespace postern::check
