// A small image in a store, made without any other program.
#pragma once

#include <cache/archive/import.hpp>
#include <cache/archive/pack.hpp>
#include <cache/layers/tar_writer.hpp>
#include <cache/store.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A text as a source.
class TextSource : public slipway::ByteSource {
 public:
  explicit TextSource(std::string_view text) : text_(text) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min(buffer.size(), text_.size());
    std::memcpy(buffer.data(), text_.data(), count);
    text_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view text_;
};

// A root file system's tar: a directory, a file, a link to it, a symlink.
inline std::string sample_tar(std::string_view content = "hello\n") {
  using slipway::Entry;
  std::string bytes;
  slipway::TarWriter tar([&](std::span<const std::byte> piece) {
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  });
  Entry directory;
  directory.path = "etc";
  directory.type = Entry::Type::directory;
  directory.mode = 0755;
  tar.add(directory);
  Entry file;
  file.path = "etc/issue";
  file.mode = 0640;
  file.uid = 5;
  file.mtime = 1'700'000'000;
  file.size = content.size();
  tar.add(file);
  tar.write(std::as_bytes(std::span(content)));
  Entry link = file;
  link.path = "etc/other";
  link.hard_link = "etc/issue";
  tar.add(link);
  Entry symlink;
  symlink.path = "etc/symlink";
  symlink.type = Entry::Type::symlink;
  symlink.link_target = "/etc/issue";
  symlink.mode = 0777;
  tar.add(symlink);
  tar.finish();
  return bytes;
}

inline slipway::Image sample_image(slipway::Store& store, std::string_view content = "hello\n") {
  slipway::ImageConfig config;
  config.platform = slipway::host_platform();
  config.env = {"A=b"};
  config.cmd = {"tool", "--flag"};
  config.labels = {{"key", "value"}};
  const std::string tar = sample_tar(content);
  TextSource source(tar);
  return slipway::import_rootfs(store, source, config, "Imported from -", "2023-11-14T22:13:20Z");
}

// The image alone, with nothing attached.
inline slipway::ToPack to_pack(const slipway::Image& image,
                               std::vector<slipway::Reference> names) {
  slipway::ToPack packed;
  packed.images.push_back({image.config_json, {}});
  packed.names = std::move(names);
  return packed;
}
