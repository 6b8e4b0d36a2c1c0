#include <executor/contents/elf.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

// elf(5): e_shnum has 16 bits; more sections are possible, and no program's.
constexpr std::uint64_t most_headers = 65'535;
constexpr std::uint64_t most_names = 4 << 20;

std::uint64_t number(std::string_view bytes, std::size_t offset, std::size_t size, bool big) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t at = offset + (big ? i : size - 1 - i);
    value = value << 8U | (at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U);
  }
  return value;
}

// Where fields lie in the two sizes of ELF.
struct Shape {
  bool wide = false;  // 64 bits
  bool big = false;   // endian

  std::uint64_t word(std::string_view bytes, std::size_t offset) const {
    return number(bytes, offset, wide ? 8 : 4, big);
  }
  std::uint64_t half(std::string_view bytes, std::size_t offset) const {
    return number(bytes, offset, 2, big);
  }
  std::uint64_t four(std::string_view bytes, std::size_t offset) const {
    return number(bytes, offset, 4, big);
  }
};

}  // namespace

std::optional<std::string> ElfFile::bytes(std::uint64_t offset, std::uint64_t size,
                                          std::uint64_t most) const {
  if (size > most || offset > size_ || size > size_ - offset) return std::nullopt;
  std::string bytes(size, '\0');
  if (!read_(offset, std::as_writable_bytes(std::span(bytes.data(), bytes.size()))))
    return std::nullopt;
  return bytes;
}

std::optional<std::string> ElfFile::bytes_at_address(std::uint64_t address, std::uint64_t size,
                                                     std::uint64_t most) const {
  for (const Part& segment : segments_) {
    if (address < segment.address || address - segment.address >= segment.size) continue;
    const std::uint64_t inside = address - segment.address;
    if (size > segment.size - inside) return std::nullopt;
    return bytes(segment.offset + inside, size, most);
  }
  return std::nullopt;
}

std::optional<ElfFile> ElfFile::open(ReadAt read, std::uint64_t file_size) {
  ElfFile file;
  file.read_ = std::move(read);
  file.size_ = file_size;
  const auto head = file.bytes(0, std::min<std::uint64_t>(file_size, 64), 64);
  if (!head || head->size() < 52 ||
      !head->starts_with("\x7f"
                         "ELF"))
    return std::nullopt;
  const Shape shape{(*head)[4] == 2, (*head)[5] == 2};
  if (shape.wide && head->size() < 64) return std::nullopt;

  const std::uint64_t segments_at = shape.word(*head, shape.wide ? 32 : 28);
  const std::uint64_t sections_at = shape.word(*head, shape.wide ? 40 : 32);
  const std::size_t counts = shape.wide ? 54 : 42;
  const std::uint64_t segment_size = shape.half(*head, counts);
  const std::uint64_t segment_count = shape.half(*head, counts + 2);
  const std::uint64_t section_size = shape.half(*head, counts + 4);
  const std::uint64_t section_count = shape.half(*head, counts + 6);
  const std::uint64_t names_index = shape.half(*head, counts + 8);

  constexpr std::uint64_t most_bytes = most_headers * 64;
  if (segment_size >= (shape.wide ? 56U : 32U)) {
    const auto table = file.bytes(segments_at, segment_size * segment_count, most_bytes);
    for (std::uint64_t i = 0; table && i < segment_count; ++i) {
      const std::string_view entry =
          std::string_view(*table).substr(i * segment_size, segment_size);
      constexpr std::uint64_t load = 1;
      if (shape.four(entry, 0) != load) continue;
      const std::uint64_t flags = shape.four(entry, shape.wide ? 4 : 24);
      file.segments_.push_back({{},
                                shape.word(entry, shape.wide ? 8 : 4),
                                shape.word(entry, shape.wide ? 32 : 16),
                                shape.word(entry, shape.wide ? 16 : 8),
                                (flags & 3U) == 2U});
    }
  }
  if (section_size >= (shape.wide ? 64U : 40U) && names_index < section_count) {
    const auto table = file.bytes(sections_at, section_size * section_count, most_bytes);
    if (!table) return file;
    const auto entry = [&](std::uint64_t i) {
      return std::string_view(*table).substr(i * section_size, section_size);
    };
    const auto part = [&](std::string_view header) {
      return Part{{},
                  shape.word(header, shape.wide ? 24 : 16),
                  shape.word(header, shape.wide ? 32 : 20),
                  shape.word(header, shape.wide ? 16 : 12),
                  false};
    };
    const Part names_part = part(entry(names_index));
    const auto names = file.bytes(names_part.offset, names_part.size, most_names);
    if (!names) return file;
    for (std::uint64_t i = 0; i < section_count; ++i) {
      const std::uint64_t name = shape.four(entry(i), 0);
      if (name >= names->size()) continue;
      // No section that is looked for has a longer name.
      const std::string_view text = std::string_view(*names).substr(name, 32);
      Part section = part(entry(i));
      section.name = text.substr(0, text.find('\0'));
      file.sections_.push_back(std::move(section));
    }
  }
  return file;
}

const ElfFile::Part* ElfFile::section(std::string_view name) const {
  const auto found = std::find_if(sections_.begin(), sections_.end(),
                                  [&](const Part& part) { return part.name == name; });
  return found == sections_.end() ? nullptr : &*found;
}

std::optional<std::string> find_cargo_audit(const ElfFile& program) {
  constexpr std::uint64_t most_bytes = 8 << 20;
  const ElfFile::Part* section = program.section(".dep-v0");
  if (section == nullptr) return std::nullopt;
  return program.bytes(section->offset, section->size, most_bytes);
}

}  // namespace slipway
