// The texts that tell of packages, each read by itself: from bytes to packages.
//
// All of them are total: they throw Error, without a path, for what is malformed as a whole, and
// leave out single packages that have no usable name. Names, versions and the like are bounded, and
// free of control characters.
#pragma once

#include <executor/contents/package.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// No file tells of more. A reader stops at one more than that, so that whoever takes them can say
// that there were more.
inline constexpr std::size_t most_packages = 100'000;

// How many bytes may still be read or unpacked, of all files together.
struct ByteBudget {
  std::uint64_t left = 0;

  // Throws Error where that is more than is left.
  void take(std::uint64_t bytes);
};

// /var/lib/dpkg/status, or a file of status.d: those that are installed.
std::vector<Package> read_dpkg_status(std::string_view text);
// The licences of a machine-readable copyright file (DEP 5); none of any other.
std::set<std::string> read_debian_copyright(std::string_view text);

// /lib/apk/db/installed
std::vector<Package> read_apk_installed(std::string_view text);

// rpmdb.sqlite. What a single header of it lacks is told in `notes`.
std::vector<Package> read_rpm_database(std::string bytes, std::vector<std::string>& notes);
// One header as the database has it. Nothing for a key that is kept like a package.
std::optional<Package> read_rpm_header(std::span<const std::byte> blob);

// package.json of what is installed. Nothing for one without name and version.
std::optional<Package> read_npm_package(std::string_view json);
// package-lock.json, of any version.
std::vector<Package> read_npm_lock(std::string_view json);

// METADATA or PKG-INFO.
std::optional<Package> read_python_metadata(std::string_view text);

// Cargo.lock
std::vector<Package> read_cargo_lock(std::string_view text);
// What `cargo auditable` puts into a program's .dep-v0 section: JSON, compressed by zlib.
// What it unpacks counts.
std::vector<Package> read_cargo_audit(std::span<const std::byte> section, ByteBudget& budget);

// The version of go, and the modules as `go version -m` lists them.
std::vector<Package> read_go_modules(std::string_view go_version, std::string_view modules);

Distribution read_os_release(std::string_view text);

// A value of a database: without control characters and blanks around it, and of a sane length.
std::string field_text(std::string_view text, std::size_t most = 512);

}  // namespace slipway
