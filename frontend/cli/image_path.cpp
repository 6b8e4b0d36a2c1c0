#include "image_path.hpp"

#include <cache/layers/entry.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>
#include <ir/lowering/paths.hpp>
#include <ir/nearest.hpp>

#include <optional>
#include <utility>

namespace slipway {

ImagePath parse_image_path(const std::string& text) {
  const std::size_t colon = text.find(":/");
  if (colon == std::string::npos) return {text, {}};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

Image image_named(Store& store, const std::string& name, const std::string& platform) {
  if (platform.empty()) return store.images().get(name);
  const Platform wanted = parse_platform(platform);
  std::optional<Image> image = store.images().find(store.images().resolve(name), wanted);
  if (!image)
    throw Error("the image " + quoted(name) + " is not in the store for " + wanted.text())
        .hint("slipway pull --platform " + wanted.text() + " " + name);
  return std::move(*image);
}

void refuse_missing_path(const StackView& files, const ImagePath& wanted) {
  const std::string path = rooted(wanted.path).substr(1);
  const std::string parent(parent_path(path));
  const StackView::Resolved directory = files.resolve(parent, true);
  throw Error("there is no " + quoted(wanted.path) + " in the image " + quoted(wanted.image))
      .hint(did_you_mean(base_name(path), files.list(directory.path), {},
                         parent.empty() ? "/" : "/" + parent + "/"));
}

}  // namespace slipway
