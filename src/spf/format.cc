#include <algorithm>
#include <utility>

#include "base/text.h"
#include "spf/evaluate.h"

namespace postern::spf {

namespace {

constexpr std::size_t kValueMax = 256;  // octets of a value; RFC 5322 2.1.1 allows 998 a line
constexpr std::size_t kLineWanted = 78;

bool is_atext(char c) {  // RFC 5322 3.2.3
  return is_alpha(c) || is_digit(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").contains(c);
}

bool is_dot_atom(std::string_view text) {
  return !text.empty() && !text.starts_with('.') && !text.ends_with('.') && !text.contains("..") &&
         std::ranges::all_of(text, [](char c) { return is_atext(c) || c == '.'; });
}

// Printable ASCII of what strangers wrote, with a backslash before what would end the place it stands in.
std::string sheltered(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text.substr(0, kValueMax)) {
    const bool plain = c >= 0x20 && c < 0x7F;
    if (plain && (c == '\\' || special.contains(c))) out += '\\';
    out += plain ? c : '?';
  }
  return out;
}

std::string quoted(std::string_view text) {
  if (text.size() <= kValueMax && is_dot_atom(text)) return std::string(text);
  return '"' + sheltered(text, "\"") + '"';
}

std::string sentence(const Query& query, const Evaluation& evaluation) {
  const std::string client = query.client.text();
  std::string who =
      "domain of " +
      (query.identity == Identity::helo || query.mail_from.empty() ? "postmaster@" + query.helo : query.mail_from);
  switch (evaluation.outcome) {
    case Outcome::none:
      return who + " has no SPF record";
    case Outcome::neutral:
      return client + " is neither permitted nor denied by " + who;
    case Outcome::pass:
      return who + " designates " + client + " as permitted sender";
    case Outcome::fail:
      return who + " does not designate " + client + " as permitted sender";
    case Outcome::softfail:
      return "transitioning " + who + " does not designate " + client + " as permitted sender";
    case Outcome::temperror:
      return "temporary error while looking at " + who;
    case Outcome::permerror:
      return "permanent error in the SPF record for " + who;
  }
  return who;
}

// Adds a word and a separator before it, on a new line where it would make this one too long.
class Folder {
 public:
  explicit Folder(std::string& out, std::size_t column) : out_(out), column_(column) {}
  void add(std::string_view word) {
    if (column_ + 1 + word.size() > kLineWanted) {
      out_ += "\r\n\t";
      column_ = 8;
    } else {
      out_ += ' ';
      ++column_;
    }
    out_ += word;
    column_ += word.size();
  }

 private:
  std::string& out_;
  std::size_t column_;
};

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::none:
      return "none";
    case Outcome::neutral:
      return "neutral";
    case Outcome::pass:
      return "pass";
    case Outcome::fail:
      return "fail";
    case Outcome::softfail:
      return "softfail";
    case Outcome::temperror:
      return "temperror";
    case Outcome::permerror:
      return "permerror";
  }
  return "none";
}

std::string received_spf(const Query& query, const Evaluation& evaluation, std::string_view receiver) {
  std::string out(to_string(evaluation.outcome));
  Folder folder(out, std::string_view("Received-SPF: ").size() + out.size());
  // RFC 5322 3.2.2: a comment may be folded where it has spaces
  std::string comment = "(";
  if (!receiver.empty()) comment += sheltered(receiver, "()") + ": ";
  comment += sheltered(sentence(query, evaluation), "()");
  comment += ')';
  std::string_view rest = comment;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (end > 0) folder.add(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const auto pair = [&folder](std::string_view key, std::string_view value) {
    folder.add(std::string(key) + '=' + quoted(value) + ';');
  };
  if (!receiver.empty()) pair("receiver", receiver);
  pair("identity", query.identity == Identity::helo ? "helo" : "mailfrom");
  pair("client-ip", query.client.text());
  if (query.identity == Identity::mail_from) pair("envelope-from", query.mail_from);
  pair("helo", query.helo);
  const bool error = evaluation.outcome == Outcome::temperror || evaluation.outcome == Outcome::permerror;
  if (error) {
    pair("problem", evaluation.problem);
  } else if (!evaluation.mechanism.empty()) {
    pair("mechanism", evaluation.mechanism);
  }
  if (out.ends_with(';')) out.pop_back();
  return out;
}

}  // namespace postern::spf
