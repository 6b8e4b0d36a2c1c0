// An image on its way from a registry, told on standard error as docker tells it.
#pragma once

#include "transfer_lines.hpp"

#include <cache/registry/pull.hpp>
#include <ir/platform.hpp>
#include <ir/reference.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace slipway {

class Store;

// Not thread-safe, but for what pull() calls.
class PullShown : public PullProgress {
 public:
  explicit PullShown(bool quiet) : transfers_(TransferLines::by_stderr(quiet), "Downloading") {}

  // True: the name stands for another image than before. Throws Error.
  bool pull(Store& store, const Reference& name, const Platform& platform);
  // The last line: "Status: Downloaded newer image for NAME".
  void end(bool newer, const std::string& name);
  void say(const std::string& text) { transfers_.say(text); }

  void resolved(const Digest& digest) override { digest_ = digest; }
  void layers(const std::vector<BlobDescriptor>& layers) override;
  void resumed(std::size_t position, std::uint64_t bytes) override;
  void arrived(std::size_t position, std::uint64_t bytes) override;
  void stored(std::size_t position, bool present) override;
  void warned(const std::string& text) override;

 private:
  TransferLines transfers_;
  std::optional<Digest> digest_;
  std::vector<BlobDescriptor> layers_;
};

}  // namespace slipway
