#include <executor/rebase/rebase.hpp>

#include <cache/store.hpp>
#include <executor/rebase/layer_ties.hpp>
#include <executor/rebase/moved_config.hpp>
#include <ir/error.hpp>
#include <ir/lowering/paths.hpp>
#include <ir/printable.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace slipway {
namespace {

std::string shown(const Image& image) {
  if (image.id == Digest() && image.config_json.empty()) return "scratch";
  return image.names.empty() ? image.id.text() : image.names.front().familiar();
}

bool begins_with(const ImageConfig& image, const ImageConfig& base) {
  return base.diff_ids.size() <= image.diff_ids.size() &&
         std::equal(base.diff_ids.begin(), base.diff_ids.end(), image.diff_ids.begin());
}

bool history_begins_with(const ImageConfig& image, const ImageConfig& base) {
  return base.history.size() <= image.history.size() &&
         std::equal(base.history.begin(), base.history.end(), image.history.begin());
}

std::size_t layers_in(const std::vector<HistoryEntry>& history, std::size_t from) {
  return static_cast<std::size_t>(
      std::count_if(history.begin() + static_cast<std::ptrdiff_t>(from), history.end(),
                    [](const HistoryEntry& entry) { return !entry.empty_layer; }));
}

LayerStack first(const LayerStack& layers, std::size_t count) {
  return {layers.begin(), layers.begin() + static_cast<std::ptrdiff_t>(count)};
}

// The time of the newest entry that has one.
std::string last_time(const std::vector<HistoryEntry>& history) {
  std::string time;
  for (const HistoryEntry& entry : history)
    if (!entry.created.empty()) time = entry.created;
  return time;
}

// Entries without a layer have the time of a layer beside them; without any of its own, the image
// has that of its base.
void give_base_time(ImageConfig& moved, const Image& was, const Image& is) {
  const std::size_t own = is.config.history.size();
  if (layers_in(moved.history, own) != 0) return;
  const std::string before = last_time(was.config.history);
  const std::string now = last_time(is.config.history);
  for (std::size_t i = own; i < moved.history.size(); ++i)
    if (moved.history[i].created == before) moved.history[i].created = now;
  moved.created = last_time(moved.history);
}

// Why layers of the image do not move, a line each.
class Ties {
 public:
  Ties(Store& store, const Image& image, const Image& was, const Image& is,
       const MovedConfig& config)
      : store_(store), image_(image), was_(was), is_(is), config_(config) {}

  std::vector<std::string> all() {
    const std::size_t base_layers = was_.layers.size();
    const std::size_t own_history = was_.config.history.size();
    const std::vector<HistoryEntry>& history = image_.config.history;
    const std::size_t own_layers = image_.layers.size() - base_layers;
    std::vector<std::string> ties;
    if (layers_in(history, own_history) != own_layers) {
      ties.push_back("the image's history tells of " +
                     std::to_string(layers_in(history, own_history)) +
                     " layers above the base, and there are " + std::to_string(own_layers));
      return ties;
    }
    std::string directory = start_directory();
    std::size_t layer = base_layers;
    for (std::size_t i = own_history; i < history.size(); ++i) {
      if (!history[i].empty_layer) {
        if (auto tie = tie_of_layer(layer, history[i], directory))
          ties.push_back(printable(history[i].created_by) + ": " + *tie);
        ++layer;
      }
      note_directory(history[i].created_by, directory);
    }
    return ties;
  }

 private:
  // Only where both bases have the same is it known where a relative path of the history leads.
  std::string start_directory() const {
    const auto directory = [](const Image& base) {
      return rooted(base.config.working_dir.empty() ? "/" : base.config.working_dir);
    };
    return directory(was_) == directory(is_) ? directory(was_) : std::string();
  }

  static void note_directory(const std::string& created_by, std::string& directory) {
    constexpr std::string_view keyword = "WORKDIR ";
    if (!created_by.starts_with(keyword)) return;
    const std::string path = created_by.substr(keyword.size());
    if (path.starts_with('/')) {
      directory = rooted(path);
    } else if (!directory.empty()) {
      directory = joined(directory, path);
    }
  }

  std::optional<std::string> tie_of_layer(std::size_t layer, const HistoryEntry& history,
                                          const std::string& directory) {
    LayerStack is_below = is_.layers;
    is_below.insert(is_below.end(),
                    image_.layers.begin() + static_cast<std::ptrdiff_t>(was_.layers.size()),
                    image_.layers.begin() + static_cast<std::ptrdiff_t>(layer));
    const StackView was = store_.layers().view(first(image_.layers, layer));
    const StackView is = store_.layers().view(is_below);
    MovedLayer moved{image_.layers[layer], &history, directory, &was, &is};
    return tie_of(store_, moved,
                  [this](std::string_view value) { return config_.may_be_inherited(value); });
  }

  Store& store_;
  const Image& image_;
  const Image& was_;
  const Image& is_;
  const MovedConfig& config_;
};

}  // namespace

Image scratch_image(const Platform& platform) {
  Image image;
  image.config.platform = platform;
  image.config.working_dir = "/";
  return image;
}

Image find_base(Store& store, const Image& image) {
  std::vector<Image> found;
  const auto consider = [&](const Image& candidate) {
    if (candidate.id == image.id || candidate.layers.empty()) return;
    if (!begins_with(image.config, candidate.config) ||
        !history_begins_with(image.config, candidate.config))
      return;
    const bool known = std::any_of(found.begin(), found.end(),
                                   [&](const Image& other) { return other.id == candidate.id; });
    if (!known) found.push_back(candidate);
  };
  for (const ImageSummary& each : store.images().list()) {
    if (each.is_index) {
      if (const auto index = store.images().find_index(each.id))
        for (const Image& one : index->images) consider(one);
    } else if (const auto one = store.images().find(each.id)) {
      consider(*one);
    }
  }
  // What an earlier build of the same Dockerfile has left is a beginning, too.
  const auto named = [&](const Image& candidate) {
    return !store.images().names(candidate.id).empty();
  };
  if (std::any_of(found.begin(), found.end(), named))
    found.erase(std::remove_if(found.begin(), found.end(), std::not_fn(named)), found.end());
  if (found.empty())
    throw Error("no image of the store is what " + quoted(shown(image)) + " was built on")
        .hint("name it with --from, and pull it if it is not here");
  if (found.size() > 1) {
    std::string names;
    for (const Image& each : found) names += (names.empty() ? "" : ", ") + quoted(shown(each));
    throw Error(quoted(shown(image)) + " may be built on any of " + names)
        .hint("say which one with --from");
  }
  return found.front();
}

std::string rebase(Store& store, const Image& image, const Image& was_base, const Image& is_base) {
  if (!begins_with(image.config, was_base.config))
    throw Error(quoted(shown(image)) + " is not built on " + quoted(shown(was_base)) +
                ": it does not begin with its layers");
  if (!history_begins_with(image.config, was_base.config))
    throw Error("the history of " + quoted(shown(image)) + " does not begin with that of " +
                quoted(shown(was_base)) + ", so it is not known which of its settings are its own");
  if (!matches(is_base.config.platform, image.config.platform))
    throw Error(quoted(shown(is_base)) + " is for " + is_base.config.platform.text() + ", and " +
                quoted(shown(image)) + " for " + image.config.platform.text());

  const MovedConfig config(image.config, was_base.config, is_base.config,
                           was_base.config.history.size());
  std::vector<std::string> reasons = Ties(store, image, was_base, is_base, config).all();
  ImageConfig moved = config.config(reasons);
  if (!reasons.empty()) {
    std::string detail;
    for (const std::string& reason : reasons) detail += "  " + reason + "\n";
    throw Error("it cannot be known what a build of " + quoted(shown(image)) + " on " +
                quoted(shown(is_base)) + " would give")
        .detail(std::move(detail))
        .hint("build it again; COPY --link is what makes a layer free of what lies below");
  }
  give_base_time(moved, was_base, is_base);
  moved.diff_ids.clear();
  for (const LayerRef& layer : is_base.layers) moved.diff_ids.push_back(layer.diff_id);
  for (std::size_t i = was_base.layers.size(); i < image.layers.size(); ++i)
    moved.diff_ids.push_back(image.layers[i].diff_id);
  return write_image_config(moved);
}

}  // namespace slipway
