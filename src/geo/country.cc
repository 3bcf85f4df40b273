#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"
#include "geo/country.h"

namespace postern::geo {

namespace {

constexpr std::uint16_t code_of(char first, char second) {
  return static_cast<std::uint16_t>((static_cast<unsigned char>(first) << 8U) | static_cast<unsigned char>(second));
}

struct Entry {
  constexpr Entry(const char (&letters)[3], std::string_view its_name)  // NOLINT(*-avoid-c-arrays)
      : code(code_of(letters[0], letters[1])), name(its_name) {}
  std::uint16_t code;
  std::string_view name;
};

// The codes that ISO 3166-1 assigns, and AP, EU and XK, by code.
// clang-format off
constexpr std::array kCountries{
    Entry{"AD", "Andorra"}, Entry{"AE", "United Arab Emirates"}, Entry{"AF", "Afghanistan"},
    Entry{"AG", "Antigua and Barbuda"}, Entry{"AI", "Anguilla"}, Entry{"AL", "Albania"}, Entry{"AM", "Armenia"},
    Entry{"AO", "Angola"}, Entry{"AP", "Asia and the Pacific"}, Entry{"AQ", "Antarctica"}, Entry{"AR", "Argentina"},
    Entry{"AS", "American Samoa"}, Entry{"AT", "Austria"}, Entry{"AU", "Australia"}, Entry{"AW", "Aruba"},
    Entry{"AX", "Aland Islands"}, Entry{"AZ", "Azerbaijan"}, Entry{"BA", "Bosnia and Herzegovina"},
    Entry{"BB", "Barbados"}, Entry{"BD", "Bangladesh"}, Entry{"BE", "Belgium"}, Entry{"BF", "Burkina Faso"},
    Entry{"BG", "Bulgaria"}, Entry{"BH", "Bahrain"}, Entry{"BI", "Burundi"}, Entry{"BJ", "Benin"},
    Entry{"BL", "Saint Barthelemy"}, Entry{"BM", "Bermuda"}, Entry{"BN", "Brunei"}, Entry{"BO", "Bolivia"},
    Entry{"BQ", "Caribbean Netherlands"}, Entry{"BR", "Brazil"}, Entry{"BS", "Bahamas"}, Entry{"BT", "Bhutan"},
    Entry{"BV", "Bouvet Island"}, Entry{"BW", "Botswana"}, Entry{"BY", "Belarus"}, Entry{"BZ", "Belize"},
    Entry{"CA", "Canada"}, Entry{"CC", "Cocos Islands"}, Entry{"CD", "Congo (Kinshasa)"},
    Entry{"CF", "Central African Republic"}, Entry{"CG", "Congo (Brazzaville)"}, Entry{"CH", "Switzerland"},
    Entry{"CI", "Ivory Coast"}, Entry{"CK", "Cook Islands"}, Entry{"CL", "Chile"}, Entry{"CM", "Cameroon"},
    Entry{"CN", "China"}, Entry{"CO", "Colombia"}, Entry{"CR", "Costa Rica"}, Entry{"CU", "Cuba"},
    Entry{"CV", "Cape Verde"}, Entry{"CW", "Curacao"}, Entry{"CX", "Christmas Island"}, Entry{"CY", "Cyprus"},
    Entry{"CZ", "Czechia"}, Entry{"DE", "Germany"}, Entry{"DJ", "Djibouti"}, Entry{"DK", "Denmark"},
    Entry{"DM", "Dominica"}, Entry{"DO", "Dominican Republic"}, Entry{"DZ", "Algeria"}, Entry{"EC", "Ecuador"},
    Entry{"EE", "Estonia"}, Entry{"EG", "Egypt"}, Entry{"EH", "Western Sahara"}, Entry{"ER", "Eritrea"},
    Entry{"ES", "Spain"}, Entry{"ET", "Ethiopia"}, Entry{"EU", "Europe"}, Entry{"FI", "Finland"}, Entry{"FJ", "Fiji"},
    Entry{"FK", "Falkland Islands"}, Entry{"FM", "Micronesia"}, Entry{"FO", "Faroe Islands"}, Entry{"FR", "France"},
    Entry{"GA", "Gabon"}, Entry{"GB", "United Kingdom"}, Entry{"GD", "Grenada"}, Entry{"GE", "Georgia"},
    Entry{"GF", "French Guiana"}, Entry{"GG", "Guernsey"}, Entry{"GH", "Ghana"}, Entry{"GI", "Gibraltar"},
    Entry{"GL", "Greenland"}, Entry{"GM", "Gambia"}, Entry{"GN", "Guinea"}, Entry{"GP", "Guadeloupe"},
    Entry{"GQ", "Equatorial Guinea"}, Entry{"GR", "Greece"}, Entry{"GS", "South Georgia"}, Entry{"GT", "Guatemala"},
    Entry{"GU", "Guam"}, Entry{"GW", "Guinea-Bissau"}, Entry{"GY", "Guyana"}, Entry{"HK", "Hong Kong"},
    Entry{"HM", "Heard and McDonald Islands"}, Entry{"HN", "Honduras"}, Entry{"HR", "Croatia"}, Entry{"HT", "Haiti"},
    Entry{"HU", "Hungary"}, Entry{"ID", "Indonesia"}, Entry{"IE", "Ireland"}, Entry{"IL", "Israel"},
    Entry{"IM", "Isle of Man"}, Entry{"IN", "India"}, Entry{"IO", "British Indian Ocean Territory"},
    Entry{"IQ", "Iraq"}, Entry{"IR", "Iran"}, Entry{"IS", "Iceland"}, Entry{"IT", "Italy"}, Entry{"JE", "Jersey"},
    Entry{"JM", "Jamaica"}, Entry{"JO", "Jordan"}, Entry{"JP", "Japan"}, Entry{"KE", "Kenya"},
    Entry{"KG", "Kyrgyzstan"}, Entry{"KH", "Cambodia"}, Entry{"KI", "Kiribati"}, Entry{"KM", "Comoros"},
    Entry{"KN", "Saint Kitts and Nevis"}, Entry{"KP", "North Korea"}, Entry{"KR", "South Korea"},
    Entry{"KW", "Kuwait"}, Entry{"KY", "Cayman Islands"}, Entry{"KZ", "Kazakhstan"}, Entry{"LA", "Laos"},
    Entry{"LB", "Lebanon"}, Entry{"LC", "Saint Lucia"}, Entry{"LI", "Liechtenstein"}, Entry{"LK", "Sri Lanka"},
    Entry{"LR", "Liberia"}, Entry{"LS", "Lesotho"}, Entry{"LT", "Lithuania"}, Entry{"LU", "Luxembourg"},
    Entry{"LV", "Latvia"}, Entry{"LY", "Libya"}, Entry{"MA", "Morocco"}, Entry{"MC", "Monaco"},
    Entry{"MD", "Moldova"}, Entry{"ME", "Montenegro"}, Entry{"MF", "Saint Martin"}, Entry{"MG", "Madagascar"},
    Entry{"MH", "Marshall Islands"}, Entry{"MK", "North Macedonia"}, Entry{"ML", "Mali"}, Entry{"MM", "Myanmar"},
    Entry{"MN", "Mongolia"}, Entry{"MO", "Macau"}, Entry{"MP", "Northern Mariana Islands"}, Entry{"MQ", "Martinique"},
    Entry{"MR", "Mauritania"}, Entry{"MS", "Montserrat"}, Entry{"MT", "Malta"}, Entry{"MU", "Mauritius"},
    Entry{"MV", "Maldives"}, Entry{"MW", "Malawi"}, Entry{"MX", "Mexico"}, Entry{"MY", "Malaysia"},
    Entry{"MZ", "Mozambique"}, Entry{"NA", "Namibia"}, Entry{"NC", "New Caledonia"}, Entry{"NE", "Niger"},
    Entry{"NF", "Norfolk Island"}, Entry{"NG", "Nigeria"}, Entry{"NI", "Nicaragua"}, Entry{"NL", "Netherlands"},
    Entry{"NO", "Norway"}, Entry{"NP", "Nepal"}, Entry{"NR", "Nauru"}, Entry{"NU", "Niue"},
    Entry{"NZ", "New Zealand"}, Entry{"OM", "Oman"}, Entry{"PA", "Panama"}, Entry{"PE", "Peru"},
    Entry{"PF", "French Polynesia"}, Entry{"PG", "Papua New Guinea"}, Entry{"PH", "Philippines"},
    Entry{"PK", "Pakistan"}, Entry{"PL", "Poland"}, Entry{"PM", "Saint Pierre and Miquelon"}, Entry{"PN", "Pitcairn"},
    Entry{"PR", "Puerto Rico"}, Entry{"PS", "Palestine"}, Entry{"PT", "Portugal"}, Entry{"PW", "Palau"},
    Entry{"PY", "Paraguay"}, Entry{"QA", "Qatar"}, Entry{"RE", "Reunion"}, Entry{"RO", "Romania"},
    Entry{"RS", "Serbia"}, Entry{"RU", "Russia"}, Entry{"RW", "Rwanda"}, Entry{"SA", "Saudi Arabia"},
    Entry{"SB", "Solomon Islands"}, Entry{"SC", "Seychelles"}, Entry{"SD", "Sudan"}, Entry{"SE", "Sweden"},
    Entry{"SG", "Singapore"}, Entry{"SH", "Saint Helena"}, Entry{"SI", "Slovenia"},
    Entry{"SJ", "Svalbard and Jan Mayen"}, Entry{"SK", "Slovakia"}, Entry{"SL", "Sierra Leone"},
    Entry{"SM", "San Marino"}, Entry{"SN", "Senegal"}, Entry{"SO", "Somalia"}, Entry{"SR", "Suriname"},
    Entry{"SS", "South Sudan"}, Entry{"ST", "Sao Tome and Principe"}, Entry{"SV", "El Salvador"},
    Entry{"SX", "Sint Maarten"}, Entry{"SY", "Syria"}, Entry{"SZ", "Eswatini"},
    Entry{"TC", "Turks and Caicos Islands"}, Entry{"TD", "Chad"}, Entry{"TF", "French Southern Territories"},
    Entry{"TG", "Togo"}, Entry{"TH", "Thailand"}, Entry{"TJ", "Tajikistan"}, Entry{"TK", "Tokelau"},
    Entry{"TL", "East Timor"}, Entry{"TM", "Turkmenistan"}, Entry{"TN", "Tunisia"}, Entry{"TO", "Tonga"},
    Entry{"TR", "Turkey"}, Entry{"TT", "Trinidad and Tobago"}, Entry{"TV", "Tuvalu"}, Entry{"TW", "Taiwan"},
    Entry{"TZ", "Tanzania"}, Entry{"UA", "Ukraine"}, Entry{"UG", "Uganda"},
    Entry{"UM", "United States Minor Outlying Islands"}, Entry{"US", "United States"}, Entry{"UY", "Uruguay"},
    Entry{"UZ", "Uzbekistan"}, Entry{"VA", "Vatican City"}, Entry{"VC", "Saint Vincent and the Grenadines"},
    Entry{"VE", "Venezuela"}, Entry{"VG", "British Virgin Islands"}, Entry{"VI", "United States Virgin Islands"},
    Entry{"VN", "Vietnam"}, Entry{"VU", "Vanuatu"}, Entry{"WF", "Wallis and Futuna"}, Entry{"WS", "Samoa"},
    Entry{"XK", "Kosovo"}, Entry{"YE", "Yemen"}, Entry{"YT", "Mayotte"}, Entry{"ZA", "South Africa"},
    Entry{"ZM", "Zambia"}, Entry{"ZW", "Zimbabwe"},
};
// clang-format on
static_assert(std::ranges::is_sorted(kCountries, {}, &Entry::code));
static_assert(kCountries.size() == CountryNumbers::kMax);

const Entry* find(std::uint16_t code) {
  const auto* const found = std::ranges::lower_bound(kCountries, code, {}, &Entry::code);
  return found != kCountries.end() && found->code == code ? found : nullptr;
}

constexpr std::uint16_t kUnitedKingdom = code_of('G', 'B');

// 0 where it is no country's.
std::uint16_t known_code(std::string_view text) {
  if (text.size() != 2) return 0;
  const auto letter = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; };
  const std::uint16_t code = code_of(letter(text[0]), letter(text[1]));
  if (code == code_of('U', 'K')) return kUnitedKingdom;  // reserved at its own request, and used for it in address data
  return find(code) != nullptr ? code : 0;
}

// The code of the country whose name, or the beginning of whose name, this may have been meant to be; 0 for none.
std::uint16_t suggestion(std::string_view text) {
  const std::string word = lower(text);
  if (word.size() < 3) return 0;  // every code is near to every other
  std::vector<std::string> names;
  std::size_t beginnings = 0;
  std::string meant;
  for (const Entry& entry : kCountries) {
    names.push_back(lower(entry.name));
    if (!names.back().starts_with(word)) continue;
    ++beginnings;
    meant = names.back();
  }
  if (beginnings != 1) meant = nearest(word, names).value_or("");
  const auto at = std::ranges::find(names, meant);
  return at == names.end() ? 0 : kCountries.at(static_cast<std::size_t>(at - names.begin())).code;
}

}  // namespace

Country Country::from_data(std::string_view code) { return Country(known_code(code)); }

Result<Country> Country::parse(std::string_view text) {
  if (iequals(text, "unknown")) return Country();
  if (const std::uint16_t code = known_code(text); code != 0) return Country(code);
  const Country meant(suggestion(text));
  return fail(ErrorKind::invalid,
              "there is no country \"" + printable(text, 64) + "\"; " +
                  (meant.known() ? "did you mean " + meant.text() + " (" + std::string(meant.name()) + ")?"
                                 : "write its two letters of ISO 3166-1, such as US, or unknown"));
}

std::string Country::text() const {
  if (!known()) return "unknown";
  return {static_cast<char>(code_ >> 8U), static_cast<char>(code_ & 0xFFU)};
}

std::string_view Country::name() const {
  const Entry* const entry = find(code_);
  return entry != nullptr ? entry->name : "unknown";
}

std::uint8_t CountryNumbers::of(Country country) {
  const Entry* const entry = find(country.code());
  return entry != nullptr ? static_cast<std::uint8_t>(entry - kCountries.data() + 1) : 0;
}

Country CountryNumbers::country(std::uint8_t number) {
  return number == 0 || number > kMax ? Country() : Country(kCountries.at(number - 1U).code);
}

}  // namespace postern::geo
