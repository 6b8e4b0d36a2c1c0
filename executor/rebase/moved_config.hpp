// What an image is set to on another base.
#pragma once

#include <ir/image_config.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class MovedConfig {
 public:
  // The image's own history begins at `own`. Requires that the bases' history comes before it.
  MovedConfig(const ImageConfig& image, const ImageConfig& was_base, const ImageConfig& is_base,
              std::size_t own);

  // Whether a value may have been made of one of the old base's that is not the same now: it has a
  // variable's value in it, or lies below the working directory.
  bool may_be_inherited(std::string_view value) const;

  // All but the layers. What cannot be known is added to `doubts`, a sentence each.
  ImageConfig config(std::vector<std::string>& doubts) const;

 private:
  // Whether the image's own history has such an instruction.
  bool says(std::string_view keyword) const;
  std::vector<std::string> env(std::vector<std::string>& doubts) const;
  void doubt(std::vector<std::string>& doubts, const std::string& what,
             const std::string& value) const;

  const ImageConfig& image_;
  const ImageConfig& was_;
  const ImageConfig& is_;
  std::size_t own_;
  std::vector<std::string> gone_;  // values of the old base's variables that the new one has not
};

// The variables of an image that is built on: PATH is set for who has none.
std::vector<std::string> environment_of(const ImageConfig& config);

}  // namespace slipway
