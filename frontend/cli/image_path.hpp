// IMAGE:PATH, and the files of an image as commands look at them.
#pragma once

#include <cache/images/store.hpp>
#include <cache/layers/stack.hpp>

#include <string>
#include <string_view>

namespace slipway {

class Store;

struct ImagePath {
  std::string image;
  std::string path;  // absolute; empty: none was given
};
// The path begins at the first ":/": "app:1.2:/etc/passwd", "localhost:5000/app:/etc".
ImagePath parse_image_path(const std::string& text);

// The image of that name or ID; of one of several platforms that for `platform`, or, if empty, that
// for this machine. Throws Error.
Image image_named(Store& store, const std::string& name, const std::string& platform);

// Throws Error for a path of an image that is not there.
[[noreturn]] void refuse_missing_path(const StackView& files, const ImagePath& wanted);

}  // namespace slipway
