// Layers of a store, made of entries.
#pragma once

#include "../../cache/archive/sample_image.hpp"

#include <cache/store.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace slipway {

inline Entry directory(std::string path, std::uint32_t mode = 0755) {
  Entry entry;
  entry.path = std::move(path);
  entry.type = Entry::Type::directory;
  entry.mode = mode;
  entry.mtime = 1'600'000'000;
  return entry;
}

inline Entry soft_link(std::string path, std::string target) {
  Entry entry;
  entry.path = std::move(path);
  entry.type = Entry::Type::symlink;
  entry.mode = 0777;
  entry.link_target = std::move(target);
  return entry;
}

inline Entry file(std::string path, std::uint32_t mode = 0644) {
  Entry entry;
  entry.path = std::move(path);
  entry.mode = mode;
  entry.mtime = 1'600'000'000;
  return entry;
}

inline Entry whiteout(std::string path) {
  Entry entry;
  entry.path = std::move(path);
  entry.type = Entry::Type::whiteout;
  return entry;
}

// One layer of a store; a file's content is its own path, or what is given.
inline LayerRef add_layer(Store& store, std::vector<Entry> entries) {
  std::string bytes;
  TarWriter tar([&](std::span<const std::byte> piece) {
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  });
  for (Entry& entry : entries) {
    const bool content = entry.type == Entry::Type::file && entry.hard_link.empty();
    if (content) entry.size = entry.path.size();
    tar.add(entry);
    if (content) tar.write(std::as_bytes(std::span(entry.path)));
  }
  tar.finish();
  TextSource source(bytes);
  return store.layers().extract(source, std::nullopt, true);
}

}  // namespace slipway
