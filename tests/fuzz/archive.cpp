// Archives, unpacked onto an image into a directory whose neighbours are watched. The first byte
// says how: as the bytes are, with the checksums of headers set right, or as a list of entries that
// is written as a tar; and whether it is ADD's archive, at the root or below, or an image's layer.
#include "target.hpp"

#include <cache/layers/extract.hpp>
#include <cache/layers/extract_layer.hpp>
#include <cache/layers/index.hpp>
#include <cache/layers/stack.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

namespace slipway::fuzz {
namespace {

namespace fs = std::filesystem;

class Bytes : public ByteSource {
 public:
  explicit Bytes(std::string_view rest) : rest_(rest) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t size = std::min(rest_.size(), buffer.size());
    std::memcpy(buffer.data(), rest_.data(), size);
    rest_.remove_prefix(size);
    return size;
  }

 private:
  std::string_view rest_;
};

std::string octal(std::size_t digits, std::uint64_t value) {
  std::string text(digits, '0');
  for (std::size_t at = digits; at-- > 0; value /= 8) text[at] = static_cast<char>('0' + value % 8);
  return text;
}

void set_checksum(std::string& tar, std::size_t at) {
  tar.replace(at + 148, 8, "        ");
  unsigned sum = 0;
  for (std::size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(tar[at + i]);
  tar.replace(at + 148, 7, octal(6, sum) + std::string(1, '\0'));
}

// Headers where a reader would look for them.
void set_checksums(std::string& tar) {
  for (std::size_t at = 0; at + 512 <= tar.size();) {
    const std::string_view block = std::string_view(tar).substr(at, 512);
    if (block.find_first_not_of('\0') == std::string_view::npos) {
      at += 512;
      continue;
    }
    std::uint64_t size = 0;
    for (const char c : block.substr(124, 11)) {
      if (c >= '0' && c <= '7') size = size * 8 + static_cast<std::uint64_t>(c - '0');
    }
    set_checksum(tar, at);
    at += 512 + (std::min<std::uint64_t>(size, tar.size()) + 511) / 512 * 512;
  }
}

// Few names, so that they meet: three bytes an entry.
std::string tar_of(std::string_view choices) {
  constexpr std::array<std::string_view, 16> names = {
      "a", "b", "a/b", "a/b/c", "b/c", "l", "l/x", "l/l", "..", "../a", "/a", ".", "opt", "lib/x",
      "a/../b", "etc/passwd"};
  constexpr std::array<std::string_view, 16> targets = {
      "a", "b", "..", "../..", "/", "/a", "l", "../../../marker", "/proc/self/root", "a/b",
      "lib", "etc/passwd", ".", "opt/../..", "l/x", "//b/./c"};
  constexpr std::string_view types = "00512136";
  std::string tar;
  for (; choices.size() >= 3; choices.remove_prefix(3)) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(choices[at]); };
    std::string block(512, '\0');
    const auto put = [&block](std::size_t at, std::string_view text) {
      block.replace(at, text.size(), text);
    };
    const char type = types[byte(0) % 8];
    const std::string content = type == '0' ? std::string(byte(0) / 8, 'x') : std::string();
    put(0, names[byte(1) % 16]);
    put(100, octal(7, byte(1) / 16 * 0421));
    put(108, octal(7, byte(2) / 128 * 7));
    put(116, octal(7, 0));
    put(124, octal(11, content.size()));
    put(136, octal(11, 1'600'000'000 + byte(2)));
    block[156] = type;
    put(157, targets[byte(2) % 16]);
    put(257, std::string_view("ustar\00000", 8));
    tar += block + content + std::string((512 - content.size() % 512) % 512, '\0');
    set_checksum(tar, tar.size() - 512 - (content.size() + 511) / 512 * 512);
  }
  return tar + std::string(1024, '\0');
}

void write_text(const fs::path& file, std::string_view text) {
  std::FILE* out = std::fopen(file.c_str(), "w");
  require(out != nullptr && std::fwrite(text.data(), 1, text.size(), out) == text.size() &&
              std::fclose(out) == 0,
          "the fuzzer can write its own files");
}

// A folder with a marker, an image of one layer, and the tree that is written.
class Ground {
 public:
  Ground() {
    // In memory where there is such a place: a disk gives ten inputs a second.
    const fs::path memory = "/dev/shm";
    const bool usable = ::access(memory.c_str(), W_OK) == 0;
    std::string name =
        ((usable ? memory : fs::temp_directory_path()) / "slipway-fuzz-XXXXXX").native();
    require(::mkdtemp(name.data()) != nullptr, "there is a folder to write in");
    folder_ = name;
    fs::create_directory(folder_ / "marker");
    write_text(folder_ / "marker/file", "untouched");
    fs::create_directories(folder_ / "layer/etc");
    write_text(folder_ / "layer/etc/passwd", "root");
    LayerBuilder builder;
    const auto add = [&](const char* path, Entry::Type type, const char* target, std::uint64_t size) {
      Entry entry;
      entry.path = path;
      entry.type = type;
      entry.mode = 0755;
      entry.uid = ::getuid();
      entry.gid = ::getgid();
      entry.link_target = target;
      entry.size = size;
      Bytes bytes("root");
      if (size > 0) builder.add_file(entry, bytes);
      else builder.add(entry);
    };
    using Type = Entry::Type;
    add("etc", Type::directory, "", 0);
    add("etc/passwd", Type::file, "", 4);
    add("lib", Type::symlink, "/../usr/./lib", 0);
    add("opt", Type::directory, "", 0);
    add("opt/lib", Type::symlink, "../../marker", 0);
    add("usr", Type::directory, "", 0);
    add("usr/lib", Type::directory, "", 0);
    below_ = {{folder_ / "layer", LayerIndex::from_bytes(builder.finish().index)}};
  }
  ~Ground() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  void unpack(const std::string& archive, std::string_view destination, bool layer) {
    fs::create_directory(upper());
    ExtractLimits limits;
    limits.entries = 2'000;
    limits.bytes = std::uint64_t{16} << 20;
    limits.expansion = std::uint64_t{1} << 20;
    TreeEntries entries;
    bool whole = true;
    Bytes looked(archive);
    is_archive(looked);
    try {
      Bytes bytes(archive);
      const StackView below(below_);
      if (layer) entries = extract_layer(bytes, upper(), limits).entries;
      else extract_archive(bytes, upper(), below, {destination, {}, limits}, entries);
    } catch (const Error& error) {
      require(!std::string_view(error.what()).empty(), "a mistake has a message");
      whole = false;
    }
    require_outside();
    if (!layer) require_beneath(destination);
    if (whole) require_same(entries, layer);
    fs::remove_all(upper());
  }

 private:
  fs::path upper() const { return folder_ / "upper"; }

  void require_outside() const {
    require(std::distance(fs::directory_iterator(folder_), {}) == 3, "nothing is made beside");
    require(std::distance(fs::recursive_directory_iterator(folder_ / "marker"), {}) == 1 &&
                std::distance(fs::recursive_directory_iterator(folder_ / "layer"), {}) == 2,
            "nothing is made elsewhere");
    for (const char* name : {"marker/file", "layer/etc/passwd"}) {
      struct stat status {};
      require(::lstat((folder_ / name).c_str(), &status) == 0 && status.st_nlink == 1 &&
                  (status.st_size == 9 || status.st_size == 4) && status.st_uid == ::getuid(),
              "files elsewhere are as they were");
    }
  }

  void require_beneath(std::string_view destination) const {
    if (destination.empty()) return;
    for (const auto& item : fs::directory_iterator(upper())) {
      require(item.path().filename() == destination, "an archive stays in its destination");
    }
  }

  // The list says what is on disk, and all of it.
  void require_same(const TreeEntries& entries, bool layer) const {
    std::size_t found = 0;
    for (auto item = fs::recursive_directory_iterator(upper());
         item != fs::recursive_directory_iterator(); ++item) {
      ++found;
      const std::string path = item->path().native().substr(upper().native().size() + 1);
      const auto entry = entries.find(path);
      require(entry != entries.end(), "what is on disk is in the list");
      struct stat status {};
      require(::lstat(item->path().c_str(), &status) == 0, "what was listed is there");
      const Entry& said = entry->second;
      require(S_ISDIR(status.st_mode) == (said.type == Entry::Type::directory) &&
                  S_ISLNK(status.st_mode) == (said.type == Entry::Type::symlink) &&
                  S_ISREG(status.st_mode) == (said.type == Entry::Type::file),
              "types are those on disk");
      if (said.type == Entry::Type::whiteout) continue;
      require(status.st_uid == said.uid && status.st_gid == said.gid, "owners are those on disk");
      if (said.type == Entry::Type::symlink) continue;
      require((status.st_mode & 07777) == said.mode, "modes are those on disk");
      require(status.st_mtim.tv_sec == said.mtime, "times are those on disk");
      require(said.type != Entry::Type::file ||
                  static_cast<std::uint64_t>(status.st_size) == said.size,
              "sizes are those on disk");
    }
    require(found + entries.contains("") == entries.size(), "what is in the list is on disk");
    if (layer) return;
    try {
      build_tree(upper(), entries);
    } catch (const Error& error) {
      // The one thing that can be unpacked and not be a layer: a name that would delete.
      require(std::string(error.what()).find(".wh.") != std::string::npos, "a tree is a layer");
    }
  }

  fs::path folder_;
  std::vector<StackView::Layer> below_;
};

}  // namespace

void try_input(std::string_view input) {
  static Ground ground;
  if (input.empty()) return;
  const auto how = static_cast<unsigned char>(input.front());
  std::string archive(input.substr(1));
  if (how % 3 == 1) set_checksums(archive);
  if (how % 3 == 2) archive = tar_of(archive);
  ground.unpack(archive, how / 3 % 2 == 0 ? "" : "opt", how / 6 % 4 == 3);
}

}  // namespace slipway::fuzz
