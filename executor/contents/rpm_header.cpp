// One header of rpm's database (rpm's format.md, "Header"): a count of index entries and of data
// bytes, the entries, the data; all numbers are big-endian.
#include <executor/contents/formats.hpp>

#include <ir/error.hpp>

#include <algorithm>
#include <cstdint>
#include <set>

namespace slipway {
namespace {

enum Tag : std::uint32_t {
  name_tag = 1000,
  version_tag = 1001,
  release_tag = 1002,
  epoch_tag = 1003,
  vendor_tag = 1011,
  licence_tag = 1014,
  url_tag = 1020,
  architecture_tag = 1022,
  source_tag = 1044,
};
enum Kind : std::uint32_t { int32_kind = 4, string_kind = 6, strings_kind = 8, i18n_kind = 9 };

constexpr std::size_t entry_size = 16;

std::uint32_t number_at(std::span<const std::byte> bytes, std::size_t offset) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i)
    number = number << 8U | std::to_integer<std::uint32_t>(bytes[offset + i]);
  return number;
}

// "bash-5.2.15-1.fc38.src.rpm" is of bash.
std::string source_name(std::string text) {
  for (const std::string_view end : {".rpm", ".src", ".nosrc"})
    if (text.ends_with(end)) text.resize(text.size() - end.size());
  for (int part = 0; part < 2; ++part)
    if (const std::size_t dash = text.rfind('-'); dash != text.npos) text.resize(dash);
  return text;
}

}  // namespace

std::optional<Package> read_rpm_header(std::span<const std::byte> blob) {
  if (blob.size() < 8) throw Error("a header is cut short");
  const std::size_t count = number_at(blob, 0);
  const std::size_t data_size = number_at(blob, 4);
  const std::size_t left = blob.size() - 8;
  if (count > left / entry_size || data_size > left - count * entry_size)
    throw Error("a header tells of more than it has");
  const auto data = blob.subspan(8 + count * entry_size, data_size);

  const auto text_at = [&](std::size_t offset) -> std::string {
    if (offset >= data.size()) return {};
    const auto rest = data.subspan(offset, std::min<std::size_t>(data.size() - offset, 4096));
    const auto end = std::find(rest.begin(), rest.end(), std::byte{0});
    return field_text(
        {reinterpret_cast<const char*>(rest.data()), static_cast<std::size_t>(end - rest.begin())});
  };

  Package package;
  package.type = Package::Type::rpm;
  std::string release;
  // Each tag is there once; one that a stranger repeats a million times costs its text once, too.
  std::set<std::uint32_t> seen;
  const auto is_first = [&](std::uint32_t tag, std::uint32_t wanted) {
    return tag == wanted && seen.insert(tag).second;
  };
  for (std::size_t i = 0; i < count; ++i) {
    const auto entry = blob.subspan(8 + i * entry_size, entry_size);
    const std::uint32_t tag = number_at(entry, 0);
    const std::uint32_t kind = number_at(entry, 4);
    const std::size_t offset = number_at(entry, 8);
    if (tag == epoch_tag && kind == int32_kind && offset + 4 <= data.size())
      package.epoch = std::to_string(number_at(data, offset));
    if (kind != string_kind && kind != strings_kind && kind != i18n_kind) continue;
    if (is_first(tag, name_tag)) package.name = text_at(offset);
    if (is_first(tag, version_tag)) package.version = text_at(offset);
    if (is_first(tag, release_tag)) release = text_at(offset);
    if (is_first(tag, vendor_tag)) package.supplier = text_at(offset);
    if (is_first(tag, url_tag)) package.homepage = text_at(offset);
    if (is_first(tag, architecture_tag)) package.architecture = text_at(offset);
    if (is_first(tag, source_tag)) package.source = source_name(text_at(offset));
    if (is_first(tag, licence_tag))
      if (std::string licence = text_at(offset); !licence.empty())
        package.licences = {std::move(licence)};
  }
  if (package.name == "gpg-pubkey") return std::nullopt;
  if (package.name.empty() || package.version.empty())
    throw Error("a header has no name or version");
  if (!release.empty()) package.version += "-" + release;
  if (package.source == package.name || package.source == "(none)") package.source.clear();
  return package;
}

}  // namespace slipway
