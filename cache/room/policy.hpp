// What goes first when there is no room: a pure function of what is known of each thing.
//
// A thing is worth what it would cost to make again, times how likely it is asked for, for each
// byte that it takes. The cost is the time that its step ran, or for what comes from elsewhere the
// time of fetching it; the likelihood halves with each week that nobody used it, and grows slowly
// with how often it was used. So a compiler's hour in 10 MB outlives a COPY of 1 GB, and what was
// used today most of what was not; but nothing lives for ever on a rich past. What nothing can use
// any more is worth nothing.
#pragma once

#include <cache/room/item.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace slipway {

// What to remove. Without anything said: what is useless.
struct PruneRule {
  std::string text;  // as a missing record's reason names it: "prune (until=24h)"
  bool all = false;  // also what may be of use
  // No more than until this is left, bytes.
  std::optional<std::uint64_t> keep;
  // Of what may be of use, only these:
  std::optional<std::int64_t> unused_since;  // seconds since the epoch
  std::set<RoomItem::Kind> kinds;            // empty: of any kind
  std::vector<std::string> ids;              // beginnings of their ids; empty: any
};

// What a byte of it is worth, in no unit; 0: nothing.
double worth(const RoomItem& item, std::int64_t now);

// Positions of those the rule is about, what is to go first at first. Those of equal worth go by
// last use, and then by id, so that the same store always gives the same order.
std::vector<std::size_t> order_of_removal(const std::vector<RoomItem>& items, const PruneRule& rule,
                                          std::int64_t now);

// Goes through them in that order until the rule is satisfied. `remove` says whether the thing has
// gone: one that is in use stays, and the next one goes in its place. Gives the positions of those
// that went.
std::vector<std::size_t> remove_by_rule(const std::vector<RoomItem>& items, const PruneRule& rule,
                                        std::int64_t now,
                                        const std::function<bool(const RoomItem&)>& remove);

}  // namespace slipway
