#include "container_filter.hpp"

#include <cache/containers/networks.hpp>
#include <cache/images/time.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>
#include <ir/letter_case.hpp>
#include <ir/nearest.hpp>
#include <ir/quantities.hpp>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <regex>
#include <utility>

namespace slipway {
namespace {

constexpr std::int64_t second = 1'000'000'000;

std::vector<std::string> known_keys() {
  return {"ancestor", "before", "exited",  "expose",  "health", "id",     "is-task",
          "label",    "name",   "network", "publish", "since",  "status", "volume"};
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return std::string(text.substr(0, text.find_last_not_of(blanks) + 1));
}

Error no_value(const std::string& key, const std::string& value, std::string hint) {
  return Error("--filter " + key + "=" + quoted(value) + " is not known").hint(std::move(hint));
}

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// As docker: the text itself, or a regular expression that is found in it.
bool finds(const std::vector<std::string>& patterns, const std::vector<std::string>& texts) {
  for (const std::string& pattern : patterns)
    for (const std::string& text : texts) {
      if (pattern == text) return true;
      try {
        if (std::regex_search(text, std::regex(pattern))) return true;
      } catch (const std::regex_error&) {
        continue;  // no expression, so it is only itself
      }
    }
  return false;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::pair<std::string, std::string> split_filter(const std::string& filter) {
  const std::size_t equals = filter.find('=');
  if (equals == filter.npos)
    throw Error("--filter " + quoted(filter) + " is not KEY=VALUE").hint("status=exited");
  return {lower_case(trimmed(filter.substr(0, equals))), trimmed(filter.substr(equals + 1))};
}

void refuse_filter(const std::string& key, std::vector<std::string> known) {
  std::string list;
  for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
  throw Error("--filter " + quoted(key) + " is not known").hint(did_you_mean(key, known, list));
}

LabelFilter label_filter(std::string_view text, bool negated) {
  LabelFilter label;
  const std::size_t split = text.find('=');
  label.key = text.substr(0, split);
  if (split != text.npos) label.value = text.substr(split + 1);
  label.negated = negated;
  if (label.key.empty())
    throw Error("--filter label=" + quoted(text) + " names no label").hint("label=KEY[=VALUE]");
  return label;
}

bool LabelFilter::matches(const std::map<std::string, std::string>& labels) const {
  const auto found = labels.find(key);
  return (found != labels.end() && (!value || found->second == *value)) != negated;
}

PruneFilter::PruneFilter(const std::vector<std::string>& filters, std::vector<std::string> known) {
  for (const std::string& filter : filters) {
    const auto [key, value] = split_filter(filter);
    if (!contains(known, key)) refuse_filter(key, known);
    if (key == "until") {
      const auto time = read_moment(value, std::time(nullptr));
      if (!time)
        throw Error("--filter until=" + quoted(value) + " is no time")
            .hint(
                "how long ago, as 24h or 7d, or since when, as 2024-05-31 or 2024-05-31T12:00:00Z");
      until = std::min(until.value_or(*time), *time);
    } else if (key == "all") {
      const auto wanted = read_boolean(value);
      if (!wanted) throw no_value(key, value, "all=true");
      all = *wanted;
    } else {
      labels.push_back(label_filter(value, key == "label!"));
    }
  }
}

bool PruneFilter::matches(std::int64_t created,
                          const std::map<std::string, std::string>& present) const {
  if (until && created / second >= *until) return false;
  return std::all_of(labels.begin(), labels.end(),
                     [&](const LabelFilter& label) { return label.matches(present); });
}

bool ContainerFilter::Ports::holds(unsigned port, std::string_view of) const {
  return port >= first && port <= last && of == protocol;
}

ContainerFilter::ContainerFilter(const std::vector<std::string>& filters, Store& store) {
  const auto ports = [](const std::string& key, const std::string& value) {
    Ports result;
    const std::size_t slash = std::min(value.find('/'), value.size());
    const std::string range = value.substr(0, slash);
    const std::size_t dash = std::min(range.find('-'), range.size());
    const auto first = number<std::uint16_t>(range.substr(0, dash));
    const auto last = dash < range.size() ? number<std::uint16_t>(range.substr(dash + 1)) : first;
    result.protocol = slash < value.size() ? lower_case(value.substr(slash + 1)) : "tcp";
    if (!first || !last || *first > *last || result.protocol.empty())
      throw no_value(key, value, "PORT[-PORT][/PROTOCOL], as 80 or 8000-8010/udp");
    result.first = *first;
    result.last = *last;
    return result;
  };
  for (const std::string& filter : filters) {
    const auto [key, value] = split_filter(filter);
    if (!contains(known_keys(), key)) refuse_filter(key, known_keys());
    values_[key].push_back(value);
    if (key == "label") {
      (void)label_filter(value, false);
    } else if (key == "exited") {
      if (!number<int>(value)) throw no_value(key, value, "exited=0");
    } else if (key == "status") {
      if (!contains({"created", "running", "paused", "exited", "restarting", "removing", "dead"},
                    value))
        throw no_value(key, value, "status=created, running, paused or exited");
    } else if (key == "health") {
      if (!contains({"starting", "healthy", "unhealthy", "none"}, value))
        throw no_value(key, value, "health=starting, healthy, unhealthy or none");
    } else if (key == "is-task") {
      if (!read_boolean(value)) throw no_value(key, value, "is-task=false");
    } else if (key == "publish") {
      published_.push_back(ports(key, value));
    } else if (key == "expose") {
      exposed_.push_back(ports(key, value));
    } else if (key == "before" || key == "since") {
      const std::int64_t created = store.containers().get(value).created;
      if (key == "before") {
        before_ = std::min(before_.value_or(created), created);
      } else {
        since_ = std::max(since_.value_or(created), created);
      }
    } else if (key == "network") {
      networks_.insert(value == "default" ? "bridge" : value);
      for (const Network& network : store.networks().list())
        if (value.size() >= 4 && network.id.starts_with(value)) networks_.insert(network.name);
    } else if (key == "ancestor") {
      try {
        const Digest id = store.images().resolve(value);
        if (const auto index = store.images().find_index(id)) {
          for (const Image& image : index->images) ancestors_.push_back({image.id, image.layers});
        } else if (const auto image = store.images().find(id)) {
          ancestors_.push_back({image->id, image->layers});
        }
      } catch (const Error&) {
        // An image that is gone may still be what a container was made from.
        unknown_ancestors_.push_back(value);
      }
    }
  }
}

bool ContainerFilter::matches(const ListedContainer& listed) const {
  const Container& container = listed.container;
  if (before_ && container.created >= *before_) return false;
  if (since_ && container.created <= *since_) return false;
  return matches_words(listed) && matches_places(listed) && matches_ports(listed);
}

bool ContainerFilter::matches_words(const ListedContainer& listed) const {
  const Container& container = listed.container;
  for (const auto& [key, values] : values_) {
    bool holds = true;
    if (key == "id") {
      holds = finds(values, {container.id});
    } else if (key == "name") {
      holds = finds(values, {container.name, "/" + container.name});
    } else if (key == "label") {
      holds = std::all_of(values.begin(), values.end(), [&](const std::string& value) {
        return label_filter(value, false).matches(container.config.labels);
      });
    } else if (key == "exited") {
      holds = !listed.state.alive() && listed.state.started != 0 &&
              std::any_of(values.begin(), values.end(), [&](const std::string& value) {
                return number<int>(value) == listed.state.exit_code;
              });
    } else if (key == "status") {
      holds = contains(values, status_name(listed.state.status));
    } else if (key == "health") {
      holds = contains(values, listed.health ? health_status_name(listed.health->status) : "none");
    } else if (key == "is-task") {
      holds = std::any_of(values.begin(), values.end(),
                          [](const std::string& value) { return !*read_boolean(value); });
    }
    if (!holds) return false;
  }
  return true;
}

bool ContainerFilter::matches_places(const ListedContainer& listed) const {
  const Container& container = listed.container;
  if (const auto volumes = values_.find("volume"); volumes != values_.end()) {
    const auto& mounts = container.config.mounts;
    if (std::none_of(mounts.begin(), mounts.end(), [&](const ContainerMount& mount) {
          return contains(volumes->second, mount.source) || contains(volumes->second, mount.target);
        }))
      return false;
  }
  if (has("network") && !networks_.contains(network_text(container.config))) return false;
  if (!has("ancestor")) return true;
  if (contains(unknown_ancestors_, container.image_name) ||
      contains(unknown_ancestors_, container.image.text()))
    return true;
  return std::any_of(ancestors_.begin(), ancestors_.end(), [&](const Ancestor& ancestor) {
    return ancestor.image == container.image ||
           (!ancestor.layers.empty() && ancestor.layers.size() <= container.layers.size() &&
            std::equal(ancestor.layers.begin(), ancestor.layers.end(), container.layers.begin()));
  });
}

bool ContainerFilter::matches_ports(const ListedContainer& listed) const {
  if (published_.empty() && exposed_.empty()) return true;
  const auto any = [](const std::vector<Ports>& wanted, unsigned port, std::string_view protocol) {
    return std::any_of(wanted.begin(), wanted.end(),
                       [&](const Ports& ports) { return ports.holds(port, protocol); });
  };
  for (const ListedPort& port : listed_ports(listed))
    if ((!port.address.empty() && any(published_, port.public_port, port.protocol)) ||
        any(exposed_, port.port, port.protocol))
      return true;
  return false;
}

}  // namespace slipway
