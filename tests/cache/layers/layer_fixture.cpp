#include "layer_fixture.hpp"

#include <stdlib.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace slipway {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "slipway-layers-XXXXXX").native();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;  // a test that failed may have left a mount; the next says so
  std::filesystem::remove_all(path_, ignored);
}

std::size_t StringSource::read(std::span<std::byte> buffer) {
  const std::size_t size = std::min({buffer.size(), step_, text_.size() - at_});
  std::memcpy(buffer.data(), text_.data() + at_, size);
  at_ += size;
  return size;
}

void write_text(const std::filesystem::path& file, std::string_view text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + file.native());
}

std::string read_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Entry directory(std::string path, std::uint32_t mode) {
  Entry entry;
  entry.path = std::move(path);
  entry.type = Entry::Type::directory;
  entry.mode = mode;
  return entry;
}

Entry file(std::string path, std::uint32_t mode) {
  Entry entry;
  entry.path = std::move(path);
  entry.mode = mode;
  entry.mtime = 1'700'000'000;
  return entry;
}

Entry soft_link(std::string path, std::string target) {
  Entry entry;
  entry.path = std::move(path);
  entry.type = Entry::Type::symlink;
  entry.mode = 0777;
  entry.link_target = std::move(target);
  return entry;
}

Entry whiteout(std::string path) {
  Entry entry;
  entry.path = std::move(path);
  entry.type = Entry::Type::whiteout;
  return entry;
}

Entry hard_link(std::string path, std::string to) {
  Entry entry = file(std::move(path));
  entry.hard_link = std::move(to);
  return entry;
}

Entry opaque(Entry entry) {
  entry.opaque = true;
  return entry;
}

void add(LayerBuilder& builder, Entry entry, std::string_view content) {
  StringSource source{std::string(content)};
  entry.size = content.size();
  builder.add_file(std::move(entry), source);
}

}  // namespace slipway
