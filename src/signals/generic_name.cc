#include "signals/generic_name.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "signals/spelled_address.h"

namespace postern::signals {

namespace {

enum class Weight : std::uint8_t {
  alone,     // no host of its own is called that
  numbered,  // a host may be; one of many has a number, too
};

struct PoolWord {
  std::string_view word, why;
  Weight weight = Weight::alone;
};

// In the languages of those who run pools. Sorted, for the search.
constexpr std::array kPoolWords = std::to_array<PoolWord>({
    {"abo", "word_customer", Weight::numbered},
    {"abonent", "word_customer", Weight::numbered},
    {"abonne", "word_customer", Weight::numbered},
    {"broadband", "word_broadband", Weight::numbered},
    {"cable", "word_cable", Weight::numbered},
    {"cablemodem", "word_cable"},
    {"catv", "word_cable", Weight::numbered},
    {"cgn", "word_nat", Weight::numbered},
    {"cgnat", "word_nat"},
    {"client", "word_customer", Weight::numbered},
    {"cliente", "word_customer", Weight::numbered},
    {"clientes", "word_customer", Weight::numbered},
    {"clienti", "word_customer", Weight::numbered},
    {"clients", "word_customer", Weight::numbered},
    {"cpe", "word_customer", Weight::numbered},
    {"cust", "word_customer", Weight::numbered},
    {"customer", "word_customer", Weight::numbered},
    {"customers", "word_customer", Weight::numbered},
    {"dhcp", "word_dhcp"},
    {"dhcpc", "word_dhcp"},
    {"dial", "word_dial"},
    {"dialin", "word_dial"},
    {"dialpool", "word_dial"},
    {"dialup", "word_dial"},
    {"dinamic", "word_dynamic"},
    {"dinamica", "word_dynamic"},
    {"dinamico", "word_dynamic"},
    {"dip", "word_dial", Weight::numbered},
    {"docsis", "word_cable", Weight::numbered},
    {"dyn", "word_dynamic"},
    {"dynamic", "word_dynamic"},
    {"dynamicip", "word_dynamic"},
    {"dynamik", "word_dynamic"},
    {"dynamique", "word_dynamic"},
    {"dynip", "word_dynamic"},
    {"fiber", "word_fibre", Weight::numbered},
    {"fibra", "word_fibre", Weight::numbered},
    {"fibre", "word_fibre", Weight::numbered},
    {"fios", "word_fibre", Weight::numbered},
    {"fttb", "word_fibre", Weight::numbered},
    {"ftth", "word_fibre", Weight::numbered},
    {"fttp", "word_fibre", Weight::numbered},
    {"fttx", "word_fibre", Weight::numbered},
    {"gpon", "word_fibre", Weight::numbered},
    {"gprs", "word_wireless", Weight::numbered},
    {"home", "word_residential", Weight::numbered},
    {"hotspot", "word_wireless", Weight::numbered},
    {"hsd", "word_cable", Weight::numbered},
    {"lightspeed", "word_dsl", Weight::numbered},
    {"lte", "word_wireless", Weight::numbered},
    {"mobil", "word_wireless", Weight::numbered},
    {"mobile", "word_wireless", Weight::numbered},
    {"modem", "word_cable", Weight::numbered},
    {"modemcable", "word_cable"},
    {"movil", "word_wireless", Weight::numbered},
    {"nat", "word_nat", Weight::numbered},
    {"natpool", "word_nat"},
    {"pool", "word_pool", Weight::numbered},
    {"ppp", "word_ppp"},
    {"pppoa", "word_ppp"},
    {"pppoe", "word_ppp"},
    {"res", "word_residential", Weight::numbered},
    {"residential", "word_residential", Weight::numbered},
    {"resnet", "word_residential", Weight::numbered},
    {"subs", "word_customer", Weight::numbered},
    {"subscriber", "word_customer", Weight::numbered},
    {"subscribers", "word_customer", Weight::numbered},
    {"tunnel", "word_tunnel", Weight::numbered},
    {"umts", "word_wireless", Weight::numbered},
    {"unallocated", "word_unassigned"},
    {"unassigned", "word_unassigned"},
    {"unused", "word_unassigned", Weight::numbered},
    {"user", "word_customer", Weight::numbered},
    {"users", "word_customer", Weight::numbered},
    {"wifi", "word_wireless", Weight::numbered},
    {"wimax", "word_wireless", Weight::numbered},
    {"wireless", "word_wireless", Weight::numbered},
    {"wlan", "word_wireless", Weight::numbered},
});
static_assert(std::ranges::is_sorted(kPoolWords, {}, &PoolWord::word));

constexpr std::array kStaticWords = std::to_array<std::string_view>(
    {"estatica", "estatico", "fix", "fixed", "fixip", "sta", "stat", "static", "staticip", "statisch", "statique"});

constexpr std::array kMailWords = std::to_array<std::string_view>(
    {"bounce", "bounces", "correio", "correo",  "courriel", "courrier", "exchange",  "listserv", "mgw",      "mout",
     "mta",    "mx",      "mxgate",  "mxin",    "mxout",    "mxrelay",  "mxs",       "out",      "outbound", "outgoing",
     "poczta", "post",    "posta",   "postfix", "relay",    "relays",   "smarthost", "zimbra"});

// adsl, vdsl, xdsl, and whatever providers put before it.
constexpr std::size_t kDslWordMax = 8;

bool is_mail_word(std::string_view word) {
  return word.starts_with("mail") || word.starts_with("smtp") || word.ends_with("mail") || word.ends_with("smtp") ||
         std::ranges::find(kMailWords, word) != kMailWords.end();
}

const PoolWord* pool_word(std::string_view word) {
  static constexpr PoolWord kDsl{.word = "dsl", .why = "word_dsl"};
  const auto* const found = std::ranges::lower_bound(kPoolWords, word, {}, &PoolWord::word);
  if (found != kPoolWords.end() && found->word == word) return found;
  return word.ends_with("dsl") && word.size() <= kDslWordMax ? &kDsl : nullptr;
}

struct Words {
  bool mail = false;
  bool fixed = false;
  bool numbered = false;
  const PoolWord* alone = nullptr;
  const PoolWord* of_many = nullptr;
};

// Words are stretches of letters: digits, hyphens, underscores and dots are their boundaries.
Words words_of(std::string_view text) {
  Words out;
  for (std::size_t i = 0; i < text.size();) {
    if (!is_alpha(text[i])) {
      out.numbered = out.numbered || is_digit(text[i]);
      ++i;
      continue;
    }
    const std::size_t begin = i;
    while (i < text.size() && is_alpha(text[i])) ++i;
    const std::string_view word = text.substr(begin, i - begin);
    if (word.size() < 2) continue;
    out.mail = out.mail || is_mail_word(word);
    out.fixed = out.fixed || std::ranges::find(kStaticWords, word) != kStaticWords.end();
    const PoolWord* const pool = pool_word(word);
    if (pool == nullptr) continue;
    const PoolWord*& kept = pool->weight == Weight::alone ? out.alone : out.of_many;
    if (kept == nullptr) kept = pool;
  }
  return out;
}

std::string_view reason_of(Spelled spelled) {
  switch (spelled) {
    case Spelled::ipv6:
      return "encodes_ipv6";
    case Spelled::mac:
      return "encodes_mac";
    default:
      return "encodes_ipv4";
  }
}

}  // namespace

GenericName judge_name(const dns::Name& name, const ip::Address& address, const dns::PublicSuffixList& suffixes) {
  const std::string_view text = name.text();
  std::string_view host = text;
  bool sends_mail = false;  // by the name of the organisation
  // Of the registry's rules: a cloud's synthesised names are registrable by its own ones.
  if (const auto organisation = suffixes.registry_domain(name)) {
    host.remove_suffix(organisation->text().size());
    const std::string_view label(organisation->text().data(), organisation->text().find('.'));
    sends_mail = label.contains("mail") || label.contains("smtp");
  }

  const Words words = words_of(host);
  sends_mail = sends_mail || words.mail;
  GenericName out{.mail_like = words.mail, .static_word = words.fixed};
  // Some providers register a domain for each of their networks, so the whole name is read.
  Spelled spelled = spelled_address(text, address);
  if (spelled == Spelled::two_octets) {
    spelled = sends_mail ? Spelled::nothing : spelled_address(host, address);
  }
  const PoolWord* word = words.alone != nullptr ? words.alone : words.numbered ? words.of_many : nullptr;
  if (spelled != Spelled::nothing) {
    out.why = reason_of(spelled);
  } else if (word != nullptr && !sends_mail) {
    out.why = word->why;
  }
  out.generic = !out.why.empty();
  return out;
}

}  // namespace postern::signals
