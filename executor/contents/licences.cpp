#include <executor/contents/licences.hpp>

#include <ir/digest.hpp>
#include <ir/letter_case.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace slipway {
namespace {

// Of SPDX's list those that packages have; what is missing here becomes a LicenseRef, which is as
// valid. Sorted.
constexpr auto known_ids = std::to_array<std::string_view>({
    "0BSD",
    "AFL-2.1",
    "AFL-3.0",
    "AGPL-3.0",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-1.1",
    "Apache-2.0",
    "Artistic-1.0",
    "Artistic-1.0-Perl",
    "Artistic-2.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-2-Clause-Patent",
    "BSD-3-Clause",
    "BSD-3-Clause-LBNL",
    "BSD-4-Clause",
    "BSD-4-Clause-UC",
    "BSL-1.0",
    "BlueOak-1.0.0",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-SA-3.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "CDDL-1.0",
    "CECILL-2.1",
    "CPL-1.0",
    "EPL-1.0",
    "EPL-2.0",
    "EUPL-1.1",
    "EUPL-1.2",
    "FSFAP",
    "FSFUL",
    "FSFULLR",
    "FTL",
    "GFDL-1.1-or-later",
    "GFDL-1.2-only",
    "GFDL-1.2-or-later",
    "GFDL-1.3-only",
    "GFDL-1.3-or-later",
    "GPL-1.0-only",
    "GPL-1.0-or-later",
    "GPL-2.0",
    "GPL-2.0+",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0",
    "GPL-3.0+",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "HPND",
    "HPND-sell-variant",
    "ICU",
    "IJG",
    "ISC",
    "LGPL-2.0",
    "LGPL-2.0-only",
    "LGPL-2.0-or-later",
    "LGPL-2.1",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "LPPL-1.3c",
    "Libpng",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "MPL-1.1",
    "MPL-2.0",
    "MS-PL",
    "NCSA",
    "NTP",
    "OFL-1.1",
    "OLDAP-2.8",
    "OpenSSL",
    "PHP-3.01",
    "PSF-2.0",
    "PostgreSQL",
    "Python-2.0",
    "Python-2.0.1",
    "Ruby",
    "SSH-OpenSSH",
    "Sleepycat",
    "Spencer-94",
    "TCL",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Vim",
    "W3C",
    "WTFPL",
    "X11",
    "X11-distribute-modifications-variant",
    "XFree86-1.1",
    "Zlib",
    "bzip2-1.0.6",
    "curl",
    "libpng-2.0",
    "libtiff",
    "xpp",
    "zlib-acknowledgement",
});

constexpr auto known_exceptions = std::to_array<std::string_view>({
    "Autoconf-exception-2.0",
    "Autoconf-exception-3.0",
    "Bison-exception-2.2",
    "Classpath-exception-2.0",
    "GCC-exception-2.0",
    "GCC-exception-3.1",
    "LLVM-exception",
    "Libtool-exception",
    "Linux-syscall-note",
    "OpenJDK-assembly-exception-1.0",
    "Font-exception-2.0",
    "u-boot-exception-2.0",
});

// Names of Debian's copyright files and of rpm's old list that say the same as an identifier.
constexpr auto other_names = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"agpl-3", "AGPL-3.0-only"},      {"agpl-3+", "AGPL-3.0-or-later"},
    {"bsd-2-clause", "BSD-2-Clause"}, {"bsd-3-clause", "BSD-3-Clause"},
    {"bsd-4-clause", "BSD-4-Clause"}, {"expat", "MIT"},
    {"gfdl-1.2", "GFDL-1.2-only"},    {"gfdl-1.2+", "GFDL-1.2-or-later"},
    {"gfdl-1.3", "GFDL-1.3-only"},    {"gfdl-1.3+", "GFDL-1.3-or-later"},
    {"gpl-1", "GPL-1.0-only"},        {"gpl-1+", "GPL-1.0-or-later"},
    {"gpl-2", "GPL-2.0-only"},        {"gpl-2+", "GPL-2.0-or-later"},
    {"gpl-3", "GPL-3.0-only"},        {"gpl-3+", "GPL-3.0-or-later"},
    {"gplv2", "GPL-2.0-only"},        {"gplv2+", "GPL-2.0-or-later"},
    {"gplv3", "GPL-3.0-only"},        {"gplv3+", "GPL-3.0-or-later"},
    {"lgpl-2", "LGPL-2.0-only"},      {"lgpl-2+", "LGPL-2.0-or-later"},
    {"lgpl-2.1", "LGPL-2.1-only"},    {"lgpl-2.1+", "LGPL-2.1-or-later"},
    {"lgpl-3", "LGPL-3.0-only"},      {"lgpl-3+", "LGPL-3.0-or-later"},
    {"lgplv2", "LGPL-2.0-only"},      {"lgplv2+", "LGPL-2.0-or-later"},
    {"lgplv2.1", "LGPL-2.1-only"},    {"lgplv2.1+", "LGPL-2.1-or-later"},
    {"lgplv3", "LGPL-3.0-only"},      {"lgplv3+", "LGPL-3.0-or-later"},
    {"mplv2.0", "MPL-2.0"},
});

// The identifier as the list writes it: letter case does not count (annex D.2).
std::optional<std::string> known_id(std::string_view word) {
  const std::string lower = lower_case(word);
  for (const std::string_view id : known_ids)
    if (lower_case(id) == lower) return std::string(id);
  for (const auto& [name, id] : other_names)
    if (name == lower) return std::string(id);
  return std::nullopt;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) words.push_back(std::exchange(word, {}));
  };
  for (const char c : text) {
    if (c == '(' || c == ')') {
      finish();
      words.emplace_back(1, c);
    } else if (c == ' ' || c == ',') {
      finish();
    } else {
      word += c;
    }
  }
  finish();
  return words;
}

// Identifiers with AND, OR and WITH between them, in either case; parentheses in pairs. Nothing for
// anything else.
std::optional<std::string> known_expression(std::string_view text) {
  std::string result;
  int open = 0;
  bool wants_id = true;
  bool after_id = false;  // WITH may follow
  const std::vector<std::string> words = words_of(text);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string lower = lower_case(words[i]);
    if (words[i] == "(") {
      if (!wants_id) return std::nullopt;
      ++open;
      result += "(";
    } else if (words[i] == ")") {
      if (wants_id || open == 0) return std::nullopt;
      --open;
      after_id = false;
      result += ")";
    } else if (wants_id) {
      const auto id = known_id(words[i]);
      if (!id) return std::nullopt;
      result += *id;
      wants_id = false;
      after_id = true;
    } else if (lower == "and" || lower == "or") {
      result += lower == "and" ? " AND " : " OR ";
      wants_id = true;
    } else if (lower == "with" && after_id && i + 1 < words.size() &&
               std::find(known_exceptions.begin(), known_exceptions.end(), words[i + 1]) !=
                   known_exceptions.end()) {
      result += " WITH " + words[++i];
      after_id = false;
    } else {
      return std::nullopt;
    }
  }
  if (wants_id || open != 0) return std::nullopt;
  return result;
}

// "LicenseRef-" and letters, digits, '.' and '-' (annex D.1). Two texts never have the same one.
std::string reference_to(std::string_view text) {
  constexpr std::size_t longest = 60;
  std::string name;
  for (const char c : text.substr(0, longest)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '-';
    if (plain || (!name.empty() && name.back() != '-')) name += plain ? c : '-';
  }
  if (name != text) name += (name.empty() ? "" : "-") + sha256(text).hex().substr(0, 8);
  return "LicenseRef-" + name;
}

}  // namespace

bool is_licence_id(std::string_view text) {
  return std::find(known_ids.begin(), known_ids.end(), text) != known_ids.end();
}

std::string licence_expression(std::string_view written, LicenceReferences& references) {
  if (auto known = known_expression(written)) return *known;
  const std::string reference = reference_to(written);
  references.emplace(reference, written);
  return reference;
}

std::string licence_expression(const std::set<std::string>& written,
                               LicenceReferences& references) {
  std::set<std::string> expressions;
  for (const std::string& text : written) expressions.insert(licence_expression(text, references));
  std::string result;
  for (const std::string& expression : expressions) {
    const bool apart = expressions.size() > 1 && expression.find(' ') != std::string::npos;
    result += (result.empty() ? "" : " AND ") + (apart ? "(" + expression + ")" : expression);
  }
  return result;
}

}  // namespace slipway
