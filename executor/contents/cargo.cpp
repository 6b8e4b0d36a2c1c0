// cargo's packages: Cargo.lock, and what `cargo auditable` leaves in programs.
#include <executor/contents/formats.hpp>
#include <executor/contents/json.hpp>
#include <executor/contents/text.hpp>

#include <libdeflate.h>

#include <memory>

namespace slipway {
namespace {

constexpr std::size_t most_audit_bytes = std::size_t{16} << 20;
constexpr std::size_t usual_audit_bytes = std::size_t{64} << 10;

// cargo writes its lock file itself, with basic strings on one line; other TOML is not cargo's.
std::string string_value(std::string_view value) {
  value = without_blanks(value);
  if (value.size() < 2 || value.front() != '"') return {};
  const std::size_t end = value.find('"', 1);
  return end == value.npos ? "" : field_text(value.substr(1, end - 1));
}

}  // namespace

std::vector<Package> read_cargo_lock(std::string_view text) {
  std::vector<Package> packages;
  Package package;
  bool inside = false;
  const auto finish = [&] {
    if (inside && !package.name.empty() && !package.version.empty() &&
        packages.size() <= most_packages)
      packages.push_back(package);
    package = {};
    package.type = Package::Type::cargo;
  };
  std::string_view line;
  while (take_line(text, line)) {
    line = without_blanks(line);
    if (line.starts_with('[')) {
      finish();
      inside = line == "[[package]]";
      continue;
    }
    const std::size_t equals = line.find('=');
    if (!inside || equals == line.npos) continue;
    const std::string_view name = without_blanks(line.substr(0, equals));
    if (name == "name") package.name = string_value(line.substr(equals + 1));
    if (name == "version") package.version = string_value(line.substr(equals + 1));
  }
  finish();
  return packages;
}

std::vector<Package> read_cargo_audit(std::span<const std::byte> section, ByteBudget& budget) {
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)>
      decompressor(libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  std::string text;
  libdeflate_result result = LIBDEFLATE_INSUFFICIENT_SPACE;
  // How long it will be is said nowhere; what did not suffice was work as well.
  for (std::size_t room = usual_audit_bytes;
       result == LIBDEFLATE_INSUFFICIENT_SPACE && room <= most_audit_bytes; room *= 4) {
    budget.take(text.size());
    text.resize(room);
    std::size_t size = 0;
    result = libdeflate_zlib_decompress(decompressor.get(), section.data(), section.size(),
                                        text.data(), text.size(), &size);
    if (result == LIBDEFLATE_SUCCESS) text.resize(size);
  }
  budget.take(text.size());
  if (result != LIBDEFLATE_SUCCESS) throw Error("the list of its crates is damaged, or too large");
  const nlohmann::json json = read_foreign_json(text);
  std::vector<Package> packages;
  if (!json.is_object()) throw Error("the list of its crates is no JSON object");
  const auto found = json.find("packages");
  if (found == json.end() || !found->is_array()) return packages;
  for (const auto& entry : *found) {
    if (packages.size() > most_packages) break;
    // What only the build needed is not in the program.
    if (!entry.is_object() || text_member(entry, "kind") == "build") continue;
    Package package;
    package.type = Package::Type::cargo;
    package.name = text_member(entry, "name");
    package.version = text_member(entry, "version");
    if (!package.name.empty() && !package.version.empty()) packages.push_back(std::move(package));
  }
  return packages;
}

}  // namespace slipway
