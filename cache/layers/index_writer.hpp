// Writes what LayerIndex reads; the format is described in index.cpp.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/layers/index_record.hpp>
#include <ir/layer.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

// Not thread-safe.
class IndexWriter {
 public:
  // Throws Error for an entry that is not after the one before it, and for what the format cannot
  // hold (a path of 64 KiB, 4 GiB of paths and xattrs).
  void add(const Entry& entry);
  // The entry that was added under this path.
  std::optional<Entry> find(std::string_view path) const;
  std::size_t size() const { return count_; }
  // What was added, until more is.
  IndexBody body() const { return {records_.data(), count_, heap_}; }
  void set_content(std::size_t position, const Digest& content);
  // The whole file. Starts anew.
  std::string finish(const LayerRef& layer);

 private:
  std::string records_;
  std::string heap_;
  std::size_t count_ = 0;
  std::string last_path_;
};

}  // namespace slipway
