// Which containers are meant: `--filter KEY=VALUE`, as docker has it for `ps`.
#pragma once

#include "listed.hpp"

#include <ir/layer.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// Of one key any value counts, of labels all; all keys must hold.
class ContainerFilter {
 public:
  // id, name                 a regular expression, or the whole
  // label=KEY[=VALUE]
  // exited=CODE, status=created|running|paused|exited
  // ancestor=IMAGE           made from it, or from an image that was built upon it
  // before=CONTAINER, since=CONTAINER
  // volume=NAME or PATH in the container, network=NAME or ID
  // publish, expose          PORT[-PORT][/PROTOCOL]
  // health=starting|healthy|unhealthy|none, is-task=false
  // Throws Error for what is malformed, and where there is no such container.
  ContainerFilter(const std::vector<std::string>& filters, Store& store);

  // A status was asked for: then those that do not run are meant as well.
  bool asks_status() const { return values_.contains("status"); }
  bool matches(const ListedContainer& listed) const;

 private:
  struct Ancestor {
    Digest image;
    LayerStack layers;
  };
  struct Ports {
    unsigned first = 0;
    unsigned last = 0;
    std::string protocol;
    bool holds(unsigned port, std::string_view protocol) const;
  };

  bool has(const std::string& key) const { return values_.contains(key); }
  bool matches_words(const ListedContainer& listed) const;
  bool matches_places(const ListedContainer& listed) const;
  bool matches_ports(const ListedContainer& listed) const;

  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<Ancestor> ancestors_;
  std::vector<std::string> unknown_ancestors_;
  std::optional<std::int64_t> before_;  // nanoseconds since the epoch
  std::optional<std::int64_t> since_;
  std::vector<Ports> published_;
  std::vector<Ports> exposed_;
  std::set<std::string> networks_;  // names
};

// A label that is asked for: all three words of `--filter label`, here and for pruning.
struct LabelFilter {
  std::string key;
  std::optional<std::string> value;
  bool negated = false;
  bool matches(const std::map<std::string, std::string>& labels) const;
};
LabelFilter label_filter(std::string_view text, bool negated);

// What `prune` of containers and volumes may leave out: label, label!, until.
struct PruneFilter {
  // Throws Error for a key that is not in `known`, and what is malformed.
  PruneFilter(const std::vector<std::string>& filters, std::vector<std::string> known);

  bool matches(std::int64_t created, const std::map<std::string, std::string>& labels) const;

  std::vector<LabelFilter> labels;
  std::optional<std::int64_t> until;  // seconds since the epoch
  bool all = false;                   // of volumes: also those with a name
};

// "KEY=VALUE" in two, without blanks around. Throws Error.
std::pair<std::string, std::string> split_filter(const std::string& filter);
// Throws Error: that key is none of them.
[[noreturn]] void refuse_filter(const std::string& key, std::vector<std::string> known);

}  // namespace slipway
