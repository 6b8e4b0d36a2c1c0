// Root file systems of a test's own, as stacks of layers.
#pragma once

#include "../../cache/archive/sample_image.hpp"
#include "../../cache/temporary_folder.hpp"

#include <cache/layers/tar_writer.hpp>
#include <cache/store.hpp>
#include <executor/contents/inventory.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

class Tree {
 public:
  struct File {
    std::string content;
    std::uint32_t mode = 0644;
    std::string link;  // not empty: a symlink to it
  };
  using Files = std::map<std::string, File>;

  static File program(std::string content) { return {std::move(content), 0755, {}}; }
  static File link(std::string target) { return {{}, 0777, std::move(target)}; }

  // One more layer on top.
  slipway::DiffId add(const Files& files) {
    using slipway::Entry;
    std::map<std::string, Entry> entries;
    for (const auto& [path, file] : files) {
      for (std::string_view above = slipway::parent_path(path); !above.empty();
           above = slipway::parent_path(above)) {
        Entry& directory = entries[std::string(above)];
        directory.path = above;
        directory.type = Entry::Type::directory;
        directory.mode = 0755;
      }
      Entry& entry = entries[path];
      entry.path = path;
      entry.mode = file.mode;
      entry.size = file.content.size();
      if (file.link.empty()) continue;
      entry.type = Entry::Type::symlink;
      entry.link_target = file.link;
    }
    std::string bytes;
    slipway::TarWriter tar([&](std::span<const std::byte> piece) {
      bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    });
    for (const auto& [path, entry] : entries) {
      tar.add(entry);
      if (entry.type == Entry::Type::file)
        tar.write(std::as_bytes(std::span(files.at(path).content)));
    }
    tar.finish();
    TextSource source(bytes);
    layers_.push_back(store_.layers().extract(source, std::nullopt, true));
    return layers_.back().diff_id;
  }

  slipway::Inventory contents() { return find_packages(store_.layers().view(layers_)); }
  const slipway::LayerStack& layers() const { return layers_; }
  slipway::Store& store() { return store_; }

 private:
  TemporaryFolder folder_;
  slipway::Store store_{folder_ / "state"};
  slipway::LayerStack layers_;
};

// The contents of a single layer.
inline slipway::Inventory contents_of(const Tree::Files& files) {
  Tree tree;
  tree.add(files);
  return tree.contents();
}

// What was found, by package URL.
inline std::vector<std::string> purls(const slipway::Inventory& contents) {
  std::vector<std::string> list;
  for (const slipway::Package& package : contents.packages) list.push_back(package.purl);
  return list;
}

using Purls = std::vector<std::string>;
