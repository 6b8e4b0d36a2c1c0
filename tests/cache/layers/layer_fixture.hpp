// Entries, sources and folders for the tests of layers.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/layers/index.hpp>
#include <cache/stream.hpp>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace slipway {

// A folder of its own, removed with all it holds.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// A string as a source, in pieces of `step` bytes.
class StringSource : public ByteSource {
 public:
  explicit StringSource(std::string text, std::size_t step = 1000)
      : text_(std::move(text)), step_(step) {}
  std::size_t read(std::span<std::byte> buffer) override;

 private:
  std::string text_;
  std::size_t at_ = 0;
  std::size_t step_;
};

void write_text(const std::filesystem::path& file, std::string_view text);
std::string read_text(const std::filesystem::path& file);

Entry directory(std::string path, std::uint32_t mode = 0755);
Entry file(std::string path, std::uint32_t mode = 0644);
Entry soft_link(std::string path, std::string target);
Entry whiteout(std::string path);
Entry hard_link(std::string path, std::string to);
Entry opaque(Entry entry);

// Adds a file with this content.
void add(LayerBuilder& builder, Entry entry, std::string_view content);

}  // namespace slipway
