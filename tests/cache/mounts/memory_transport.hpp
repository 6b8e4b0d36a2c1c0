// A place to share caches that is two maps, counts what moves, and can be told to lie.
#pragma once

#include <cache/shared/transport.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

class MemoryTransport final : public slipway::CacheTransport {
 public:
  std::string name() const override { return "memory"; }

  std::optional<std::string> record(const slipway::Digest& key) override {
    const std::lock_guard lock(mutex_);
    const auto found = records.find(key);
    if (found == records.end()) return std::nullopt;
    received += found->second.size();
    return found->second;
  }
  void put_record(const slipway::Digest& key, std::string_view bytes,
                  const std::vector<slipway::SharedBlob>& referred) override {
    const std::lock_guard lock(mutex_);
    for (const slipway::SharedBlob& blob : referred) {
      if (!blobs.contains(blob.digest)) throw slipway::Error("a blob of the record is missing");
    }
    records[key] = bytes;
    references[key] = referred;
    sent += bytes.size();
    ++puts;
  }

  bool has_blob(const slipway::SharedBlob& blob) override {
    const std::lock_guard lock(mutex_);
    return blobs.contains(blob.digest);
  }
  bool blob(const slipway::SharedBlob& blob, const slipway::ByteSink& sink) override {
    std::string bytes;
    {
      const std::lock_guard lock(mutex_);
      const auto found = blobs.find(blob.digest);
      if (found == blobs.end()) return false;
      bytes = found->second;
      received += bytes.size();
    }
    sink(std::as_bytes(std::span(bytes.data(), bytes.size())));
    return true;
  }
  void put_blob(const slipway::SharedBlob& blob, const std::filesystem::path& file) override {
    std::ifstream stream(file, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    const std::lock_guard lock(mutex_);
    if (puts_left == 0) throw slipway::Error("the server is gone");
    --puts_left;
    sent += bytes.size();
    ++puts;
    blobs[blob.digest] = std::move(bytes);
  }

  // Drops what no record refers to, as a registry's collector does.
  void collect() {
    const std::lock_guard lock(mutex_);
    std::erase_if(blobs, [this](const auto& blob) {
      return std::none_of(references.begin(), references.end(), [&](const auto& record) {
        return std::any_of(record.second.begin(), record.second.end(),
                           [&](const auto& named) { return named.digest == blob.first; });
      });
    });
  }

  std::map<slipway::Digest, std::string> records;
  std::map<slipway::Digest, std::vector<slipway::SharedBlob>> references;
  std::map<slipway::Digest, std::string> blobs;
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::size_t puts = 0;
  std::size_t puts_left = ~std::size_t{0};  // of blobs; then the server is gone

 private:
  std::mutex mutex_;  // guards all of it
};
