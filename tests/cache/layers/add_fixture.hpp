// ADD of a tar onto an image, with everything around it watched.
#pragma once

#include "layer_fixture.hpp"

#include <cache/layers/extract.hpp>
#include <cache/layers/stack.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// "name", "name!" opaque, "name=first" another name of a file, in path order.
std::vector<std::string> listing(const TreeEntries& entries);

// An upper directory over an image, and beside both a folder that nothing may touch.
class AddBench {
 public:
  AddBench();

  // One layer of the image: what `entries` says in any order, files with their own path as content.
  void below(std::vector<Entry> entries);
  // Unpacks and checks that index and disk agree and that nothing outside was touched. `entries`
  // has what is in the upper.
  void add(const std::string& tar, std::string_view destination = "", ArchiveOptions options = {});
  // The message that it ends in instead; "" if it does not. The outside is checked as well.
  std::string error(const std::string& tar, std::string_view destination = "",
                    ArchiveOptions options = {});

  std::filesystem::path upper() const { return folder_ / "upper"; }
  std::filesystem::path outside() const { return folder_ / "outside"; }
  std::string text(const std::string& path) const { return read_text(upper() / path); }
  TreeEntries entries;

 private:
  void check_outside() const;

  TemporaryFolder folder_;
  std::vector<StackView::Layer> layers_;
};

}  // namespace slipway
