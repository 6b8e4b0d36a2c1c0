// Which images are meant: `--filter KEY=VALUE`, as docker has it for images.
#pragma once

#include <cache/images/store.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// All that is said must hold; of several references one.
class ImageFilter {
 public:
  // dangling=true|false   has no name
  // label=KEY[=VALUE], label!=KEY[=VALUE]   of an index: of one of its images
  // before=IMAGE, since=IMAGE   by the time of creation
  // until=TIME            created before that
  // reference=PATTERN     of names: * ? [a-z], "/" by itself
  // Throws Error for a key that is not among `known`, for a malformed value, and where there is no
  // such image.
  ImageFilter(const std::vector<std::string>& filters,
              std::initializer_list<std::string_view> known, const ImageStore& images,
              std::int64_t now);

  // Whether the image is meant, by all but its names.
  bool matches(const ImageSummary& image, const ImageStore& images) const;
  // Whether a name is meant.
  bool matches(const Reference& name) const;

  bool has_references() const { return !references_.empty(); }
  const std::optional<bool>& dangling() const { return dangling_; }

 private:
  struct Label {
    std::string key;
    std::optional<std::string> value;
    bool negated = false;
  };

  std::optional<bool> dangling_;
  std::vector<Label> labels_;
  std::optional<std::int64_t> before_;  // created earlier than that
  std::optional<std::int64_t> since_;   // later
  std::vector<std::string> references_;
};

}  // namespace slipway
