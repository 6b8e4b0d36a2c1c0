// go's programs: the build information that its linker leaves in them (Go's debug/buildinfo), and
// the list of modules in that (runtime/debug).
#include <executor/contents/elf.hpp>
#include <executor/contents/formats.hpp>
#include <executor/contents/text.hpp>

#include <algorithm>

namespace slipway {
namespace {

constexpr std::string_view magic = "\xff Go buildinf:";
constexpr std::size_t alignment = 16;
constexpr std::size_t header_size = 32;
constexpr std::uint64_t most_info = 16 << 20;     // of a section, and of a list of modules
constexpr std::uint64_t most_searched = 1 << 20;  // of a segment, as Go's own reader

// A length of Go's encoding/binary, and as many bytes behind it. Takes both off the front.
std::optional<std::string> take_text(std::string_view& bytes) {
  std::uint64_t length = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    if (bytes.empty()) return std::nullopt;
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    length |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if (byte >= 0x80U) continue;
    if (length > bytes.size()) return std::nullopt;
    std::string text(bytes.substr(0, length));
    bytes.remove_prefix(length);
    return text;
  }
  return std::nullopt;
}

std::uint64_t pointer_in(std::string_view bytes, bool big) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    value = value << 8U | static_cast<unsigned char>(bytes[big ? i : bytes.size() - 1 - i]);
  return value;
}

// A string of Go's in memory: where its bytes are, and how many. `at`: the address of that.
std::string text_at(const ElfFile& program, std::uint64_t at, std::size_t pointer_size, bool big) {
  const auto header = program.bytes_at_address(at, 2 * pointer_size, 16);
  if (!header) return {};
  const std::string_view both = *header;
  return program
      .bytes_at_address(pointer_in(both.substr(0, pointer_size), big),
                        pointer_in(both.substr(pointer_size), big), most_info)
      .value_or("");
}

// The linker puts sixteen bytes on either side of the list, so that it is found without a header.
std::string without_sentinels(std::string text) {
  constexpr std::size_t sentinel = 16;
  if (text.size() < 2 * sentinel + 1 || text[text.size() - sentinel - 1] != '\n') return {};
  return text.substr(sentinel, text.size() - 2 * sentinel);
}

// "path version sum" between tabs.
Package module_of(std::string_view rest) {
  Package package;
  package.type = Package::Type::golang;
  const std::size_t first = rest.find('\t');
  package.name = field_text(rest.substr(0, first));
  if (first == rest.npos) return package;
  rest.remove_prefix(first + 1);
  package.version = field_text(rest.substr(0, rest.find('\t')));
  // What was built from a directory has no version.
  if (package.version == "(devel)") package.version.clear();
  return package;
}

}  // namespace

std::optional<GoBuildInfo> find_go_build_info(const ElfFile& program) {
  const ElfFile::Part* place = program.section(".go.buildinfo");
  if (place == nullptr) {
    // Whoever takes this section out takes them all; a program that has others is no program of
    // go's.
    if (program.has_sections()) return std::nullopt;
    const auto& segments = program.segments();
    const auto data = std::find_if(segments.begin(), segments.end(),
                                   [](const ElfFile::Part& segment) { return segment.data; });
    if (data == segments.end()) return std::nullopt;
    place = &*data;
  }
  const bool whole = !place->name.empty();
  const std::uint64_t size = whole ? place->size : std::min(place->size, most_searched);
  const auto bytes = program.bytes(place->offset, size, most_info);
  if (!bytes) return std::nullopt;
  std::size_t at = 0;
  for (;; ++at) {
    at = bytes->find(magic, at);
    if (at == std::string::npos || bytes->size() - at < header_size) return std::nullopt;
    if ((place->address + at) % alignment == 0) break;
  }
  const std::string_view info = std::string_view(*bytes).substr(at);
  const auto flags = static_cast<unsigned char>(info[15]);
  GoBuildInfo found;
  if ((flags & 2U) != 0) {  // since Go 1.18 the texts follow
    std::string rest_bytes;
    std::string_view rest = info.substr(header_size);
    if (!whole) {  // the segment may go on behind what was searched
      const std::uint64_t from = place->offset + at + header_size;
      const std::uint64_t left = place->size - at - header_size;
      rest_bytes = program.bytes(from, std::min(left, most_info), most_info).value_or("");
      rest = rest_bytes;
    }
    found.go_version = take_text(rest).value_or("");
    found.modules = without_sentinels(take_text(rest).value_or(""));
  } else {
    const auto pointer_size = static_cast<std::size_t>(info[14]);
    const bool big = (flags & 1U) != 0;
    if (pointer_size != 4 && pointer_size != 8) return std::nullopt;
    found.go_version =
        text_at(program, pointer_in(info.substr(16, pointer_size), big), pointer_size, big);
    found.modules = without_sentinels(text_at(
        program, pointer_in(info.substr(16 + pointer_size, pointer_size), big), pointer_size, big));
  }
  if (found.go_version.empty()) return std::nullopt;
  return found;
}

std::vector<Package> read_go_modules(std::string_view go_version, std::string_view modules) {
  std::vector<Package> packages;
  std::string_view line;
  while (packages.size() <= most_packages && take_line(modules, line)) {
    const std::size_t tab = line.find('\t');
    if (tab == line.npos) continue;
    const std::string_view what = line.substr(0, tab);
    const std::string_view rest = line.substr(tab + 1);
    if (what == "mod" || what == "dep") {
      packages.push_back(module_of(rest));
    } else if (what == "=>" && !packages.empty()) {
      packages.back() = module_of(rest);  // what was built in place of the last one
    }
  }
  std::erase_if(packages, [](const Package& package) { return package.name.empty(); });
  // "go1.21.3 X:experiment"
  std::string version = field_text(go_version.substr(0, go_version.find(' ')), 64);
  if (version.starts_with("go")) {
    Package library;
    library.type = Package::Type::golang;
    library.name = "stdlib";
    library.version = version.substr(2);
    packages.push_back(std::move(library));
  }
  return packages;
}

}  // namespace slipway
