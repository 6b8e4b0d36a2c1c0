#include <cache/room/policy.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

namespace slipway {
namespace {

constexpr double seconds_a_day = 24 * 60 * 60;
constexpr double half_life = 7 * seconds_a_day;
// Of a step that took no time, since asking for it takes some; and of an empty layer.
constexpr double least_cost = 0.02;  // seconds
constexpr double least_size = 4096;  // bytes

bool starts_with_one_of(const std::string& id, const std::vector<std::string>& beginnings) {
  return beginnings.empty() ||
         std::any_of(beginnings.begin(), beginnings.end(),
                     [&id](const std::string& beginning) { return id.starts_with(beginning); });
}

// A rule that names nothing is about what is useless.
bool is_about_the_useful(const PruneRule& rule) {
  return rule.all || rule.keep || rule.unused_since || !rule.kinds.empty() || !rule.ids.empty();
}

bool is_about(const PruneRule& rule, const RoomItem& item) {
  if (!rule.kinds.empty() && !rule.kinds.contains(item.kind)) return false;
  if (!starts_with_one_of(item.id, rule.ids)) {
    // A layer goes by any of its records' keys.
    const bool by_record = std::any_of(
        item.records.begin(), item.records.end(),
        [&rule](const CacheKey& key) { return starts_with_one_of(key.hex(), rule.ids); });
    if (!by_record) return false;
  }
  if (rule.unused_since && item.last_used >= *rule.unused_since) return false;
  return item.useless || is_about_the_useful(rule);
}

}  // namespace

std::string_view kind_name(RoomItem::Kind kind) {
  constexpr std::array<std::string_view, 7> names = {
      "layer", "blob", "cache-mount", "failed-step", "git", "stat-cache", "partial"};
  return names.at(static_cast<std::size_t>(kind));
}

double worth(const RoomItem& item, std::int64_t now) {
  if (item.useless) return 0;
  const double idle = static_cast<double>(std::max<std::int64_t>(now - item.last_used, 0));
  const double cost = static_cast<double>(item.cost) / 1e9 + least_cost;
  const double uses = static_cast<double>(std::max<std::int64_t>(item.uses, 0));
  const double likely = (1 + std::log2(1 + uses)) * std::exp2(-idle / half_life);
  return cost * likely / (static_cast<double>(item.bytes) + least_size);
}

std::vector<std::size_t> order_of_removal(const std::vector<RoomItem>& items, const PruneRule& rule,
                                          std::int64_t now) {
  std::vector<std::size_t> order;
  std::vector<double> worths(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!is_about(rule, items[i])) continue;
    worths[i] = worth(items[i], now);
    order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (worths[a] != worths[b]) return worths[a] < worths[b];
    if (items[a].last_used != items[b].last_used) return items[a].last_used < items[b].last_used;
    return std::pair(items[a].id, a) < std::pair(items[b].id, b);
  });
  return order;
}

std::vector<std::size_t> remove_by_rule(const std::vector<RoomItem>& items, const PruneRule& rule,
                                        std::int64_t now,
                                        const std::function<bool(const RoomItem&)>& remove) {
  std::uint64_t left = 0;
  for (const RoomItem& item : items) left += item.bytes;
  std::vector<std::size_t> removed;
  for (const std::size_t position : order_of_removal(items, rule, now)) {
    const RoomItem& item = items[position];
    if (!item.useless && rule.keep && left <= *rule.keep) break;
    if (!remove(item)) continue;
    left -= item.bytes;
    removed.push_back(position);
  }
  return removed;
}

}  // namespace slipway
