// Programs: as much of an ELF file as it takes to find what a compiler left in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// Fills all of the buffer from an offset of a file. False: it is shorter, or cannot be read.
using ReadAt = std::function<bool(std::uint64_t offset, std::span<std::byte> buffer)>;

// Total and bounded: of a malformed file less is known.
class ElfFile {
 public:
  struct Part {
    std::string name;  // of a section; a segment has none
    std::uint64_t offset = 0;
    std::uint64_t size = 0;     // in the file
    std::uint64_t address = 0;  // in memory
    bool data = false;          // of a segment: it is written to and not executed
  };

  // Nothing if it is no ELF file. The file outlives the result.
  static std::optional<ElfFile> open(ReadAt read, std::uint64_t file_size);

  bool has_sections() const { return !sections_.empty(); }
  const Part* section(std::string_view name) const;
  const std::vector<Part>& segments() const { return segments_; }
  // Nothing for more than `most` bytes, or where the file is shorter.
  std::optional<std::string> bytes(std::uint64_t offset, std::uint64_t size,
                                   std::uint64_t most) const;
  // The same of bytes as the program has them in memory.
  std::optional<std::string> bytes_at_address(std::uint64_t address, std::uint64_t size,
                                              std::uint64_t most) const;

 private:
  ReadAt read_;
  std::uint64_t size_ = 0;
  std::vector<Part> sections_;
  std::vector<Part> segments_;
};

// What the go linker leaves in every program (debug/buildinfo).
struct GoBuildInfo {
  std::string go_version;  // "go1.21.3"
  std::string modules;     // lines: path, mod, dep, =>, build
};
std::optional<GoBuildInfo> find_go_build_info(const ElfFile& program);

// The .dep-v0 section, as it is.
std::optional<std::string> find_cargo_audit(const ElfFile& program);

}  // namespace slipway
