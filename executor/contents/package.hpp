// A package that a root file system holds, as the database that tells of it has it.
#pragma once

#include <ir/digest.hpp>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// What /etc/os-release says.
struct Distribution {
  std::string id;       // "debian"; empty: there is no such file
  std::string version;  // "12"; rolling ones have none
  std::string name;     // "Debian GNU/Linux 12 (bookworm)"
  bool operator==(const Distribution&) const = default;
};

struct Package {
  enum class Type { deb, apk, rpm, npm, pypi, cargo, golang };
  Type type = Type::deb;
  std::string name;          // with its scope or module path: "@babel/core", "golang.org/x/net"
  std::string version;       // rpm: VERSION-RELEASE; may be empty
  std::string epoch;         // rpm; else empty
  std::string architecture;  // as the database has it; most languages have none
  std::set<std::string> licences;  // as written; all of them hold
  std::string source;              // the source package, where it is called otherwise
  std::string source_version;      // where it is another one
  std::string supplier;            // who maintains or packed it
  std::string homepage;
  std::string purl;                // purl_of()
  std::set<std::string> found_in;  // files of the tree that tell of it
  std::optional<DiffId> layer;     // which brought it, or the database that names it
  bool operator==(const Package&) const = default;
};

// "dpkg", "npm": what keeps packages of this type, for people.
std::string_view manager_of(Package::Type type);

// The package URL (purl-spec; the qualifiers `distro` and `upstream` as scanners read them).
std::string purl_of(const Package& package, const Distribution& distribution);

// "1:2.3-4": with the epoch.
std::string whole_version(const Package& package);

}  // namespace slipway
