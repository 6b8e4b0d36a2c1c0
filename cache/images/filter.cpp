#include <cache/images/filter.hpp>

#include <cache/images/time.hpp>
#include <ir/error.hpp>
#include <ir/letter_case.hpp>
#include <ir/nearest.hpp>
#include <ir/pattern.hpp>
#include <ir/quantities.hpp>

#include <algorithm>

namespace slipway {
namespace {

constexpr std::string_view blanks = " \t\r\n";

std::string trimmed(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of(blanks), text.size());
  text.remove_prefix(first);
  return std::string(text.substr(0, text.find_last_not_of(blanks) + 1));
}

std::int64_t creation_of(const std::string& key, const std::string& value,
                         const ImageStore& images) {
  try {
    std::int64_t newest = 0;
    for (const ImageConfig& config : images.configs(images.resolve(value)))
      newest = std::max(newest, parse_time(config.created).value_or(0));
    return newest;
  } catch (Error& error) {
    throw Error("--filter " + key + "=" + quoted(value) + ": " + error.what())
        .hint(error.diagnostics().front().hint);
  }
}

}  // namespace

ImageFilter::ImageFilter(const std::vector<std::string>& filters,
                         std::initializer_list<std::string_view> known, const ImageStore& images,
                         std::int64_t now) {
  for (const std::string& filter : filters) {
    const std::size_t equals = filter.find('=');
    if (equals == filter.npos)
      throw Error("--filter " + quoted(filter) + " is not KEY=VALUE").hint("dangling=true");
    const std::string key = lower_case(trimmed(filter.substr(0, equals)));
    const std::string value = trimmed(filter.substr(equals + 1));
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      std::vector<std::string> names(known.begin(), known.end());
      std::string list;
      for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
      throw Error("--filter " + quoted(key) + " is not known").hint(did_you_mean(key, names, list));
    }
    if (key == "dangling") {
      const std::optional<bool> wanted = read_boolean(value);
      if (!wanted)
        throw Error("--filter dangling=" + quoted(value) + " is neither true nor false")
            .hint("dangling=true");
      dangling_ = wanted;
    } else if (key == "label" || key == "label!") {
      Label label;
      const std::size_t split = value.find('=');
      label.key = value.substr(0, split);
      if (split != value.npos) label.value = value.substr(split + 1);
      label.negated = key == "label!";
      // Docker also reads label=KEY!=VALUE as the opposite.
      if (label.key.ends_with('!')) {
        label.key.pop_back();
        label.negated = !label.negated;
      }
      if (label.key.empty())
        throw Error("--filter " + quoted(filter) + " names no label").hint("label=KEY[=VALUE]");
      labels_.push_back(std::move(label));
    } else if (key == "until") {
      const std::optional<std::int64_t> time = read_moment(value, now);
      if (!time)
        throw Error("--filter until=" + quoted(value) + " is no time")
            .hint(
                "how long ago, as 24h or 7d, or since when, as 2024-05-31 or "
                "2024-05-31T12:00:00Z");
      before_ = std::min(before_.value_or(*time), *time);
    } else if (key == "before") {
      const std::int64_t time = creation_of(key, value, images);
      before_ = std::min(before_.value_or(time), time);
    } else if (key == "since") {
      const std::int64_t time = creation_of(key, value, images);
      since_ = std::max(since_.value_or(time), time);
    } else {
      (void)match_path(value, "");  // refuses a malformed pattern
      references_.push_back(value);
    }
  }
}

bool ImageFilter::matches(const ImageSummary& image, const ImageStore& images) const {
  if (dangling_ && *dangling_ != image.names.empty()) return false;
  if (before_ && image.created >= *before_) return false;
  if (since_ && image.created <= *since_) return false;
  if (labels_.empty()) return true;
  const std::vector<ImageConfig> configs = images.configs(image.id);
  return std::any_of(configs.begin(), configs.end(), [&](const ImageConfig& config) {
    return std::all_of(labels_.begin(), labels_.end(), [&](const Label& label) {
      const auto found = config.labels.find(label.key);
      const bool has =
          found != config.labels.end() && (!label.value || found->second == *label.value);
      return has != label.negated;
    });
  });
}

// Against what docker shows and against the whole name, each with its tag and without.
bool ImageFilter::matches(const Reference& name) const {
  if (references_.empty()) return true;
  Reference bare = name;
  bare.tag.clear();
  bare.digest.reset();
  const std::string forms[] = {name.familiar(), bare.familiar(), name.text(), bare.text()};
  return std::any_of(references_.begin(), references_.end(), [&](const std::string& pattern) {
    return std::any_of(std::begin(forms), std::end(forms),
                       [&](const std::string& form) { return match_path(pattern, form); });
  });
}

}  // namespace slipway
