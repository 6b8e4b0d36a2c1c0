// Programs that say which modules and crates are in them: ELF files of a few hundred bytes.
#pragma once

#include <libdeflate.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

inline void put(std::string& bytes, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFFU);
}

struct ElfSection {
  std::string name;
  std::string bytes;
  std::uint64_t address = 0;
};

// 64 bits, little-endian. Each section with an address is a segment as well, one that is written
// to.
inline std::string elf_file(const std::vector<ElfSection>& sections, bool section_table = true) {
  std::string names(1, '\0');
  std::vector<std::pair<std::uint64_t, std::uint64_t>> places;  // name, offset
  std::vector<const ElfSection*> loaded;
  for (const ElfSection& section : sections)
    if (section.address != 0) loaded.push_back(&section);
  std::string body;
  const std::uint64_t begin = 64 + 56 * loaded.size();
  for (const ElfSection& section : sections) {
    while ((begin + body.size()) % 16 != 0) body += '\0';
    places.emplace_back(names.size(), begin + body.size());
    names += section.name + '\0';
    body += section.bytes;
  }
  const std::uint64_t names_name = names.size();
  names += std::string(".shstrtab") + '\0';
  const std::uint64_t names_at = begin + body.size();
  body += names;
  const std::uint64_t table = begin + body.size();

  std::string file(
      "\x7f"
      "ELF\x02\x01\x01",
      7);
  file.resize(16, '\0');
  put(file, 2, 2);
  put(file, 62, 2);
  put(file, 1, 4);
  put(file, 0, 8);
  put(file, 64, 8);
  put(file, section_table ? table : 0, 8);
  put(file, 0, 4);
  put(file, 64, 2);
  put(file, 56, 2);
  put(file, loaded.size(), 2);
  put(file, 64, 2);
  put(file, section_table ? sections.size() + 2 : 0, 2);
  put(file, section_table ? sections.size() + 1 : 0, 2);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    if (sections[i].address == 0) continue;
    put(file, 1, 4);  // PT_LOAD
    put(file, 6, 4);  // read and write
    put(file, places[i].second, 8);
    put(file, sections[i].address, 8);
    put(file, sections[i].address, 8);
    put(file, sections[i].bytes.size(), 8);
    put(file, sections[i].bytes.size(), 8);
    put(file, 4096, 8);
  }
  file += body;
  if (!section_table) return file;
  const auto header = [&](std::uint64_t name, std::uint64_t address, std::uint64_t offset,
                          std::uint64_t size) {
    put(file, name, 4);
    put(file, 1, 4);
    put(file, 0, 8);
    put(file, address, 8);
    put(file, offset, 8);
    put(file, size, 8);
    file.append(24, '\0');
  };
  file.append(64, '\0');
  for (std::size_t i = 0; i < sections.size(); ++i)
    header(places[i].first, sections[i].address, places[i].second, sections[i].bytes.size());
  header(names_name, 0, names_at, names.size());
  return file;
}

inline std::string with_length(std::string_view text) {
  std::string bytes;
  std::uint64_t length = text.size();
  for (; length >= 0x80; length >>= 7U) bytes += static_cast<char>(length | 0x80U);
  bytes += static_cast<char>(length);
  return bytes + std::string(text);
}

inline std::string with_sentinels(const std::string& modules) {
  return std::string(16, '\x30') + modules + std::string(16, '\x31');
}

// As go's linker writes it since 1.18.
inline std::string go_build_info(const std::string& version, const std::string& modules) {
  std::string info("\xff Go buildinf:\x08\x02", 16);
  info.resize(32, '\0');
  return info + with_length(version) + with_length(with_sentinels(modules));
}

inline std::string zlib_compressed(std::string_view text) {
  libdeflate_compressor* compressor = libdeflate_alloc_compressor(6);
  std::string bytes(libdeflate_zlib_compress_bound(compressor, text.size()), '\0');
  bytes.resize(
      libdeflate_zlib_compress(compressor, text.data(), text.size(), bytes.data(), bytes.size()));
  libdeflate_free_compressor(compressor);
  return bytes;
}
