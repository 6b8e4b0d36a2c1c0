// The tree a COPY writes to, as it will be: what lies below with what is planned so far.
#pragma once

#include <cache/layers/extract.hpp>
#include <cache/layers/stack.hpp>
#include <executor/files/copy.hpp>
#include <executor/files/owner.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// Paths are relative to the root and, but for resolve(), free of links. Not thread-safe.
class Destination {
 public:
  explicit Destination(const StackView& below) : below_(below) {}  // borrowed

  std::optional<Entry> find(std::string_view path) const;
  // What is planned at the path; empty: nothing, whatever lies below.
  std::optional<PlanItem> planned(std::string_view path) const;
  // Names of what lies below, whether planned over or not, in byte order.
  std::vector<std::string> names_below(std::string_view directory) const;
  StackView::Resolved resolve(std::string_view path, bool follow_last) const;

  // Plans the item, in place of what was planned for its path.
  void put(PlanItem item);
  // Plans it without a time of its own; it gets one that depends on the other items alone.
  void put_untimed(PlanItem item);
  // The directory at the path, planned or below, is as old as this when all is done.
  void set_time(const std::string& path, std::int64_t mtime);
  // Says that the planned file is one of the names of a file; those of one `group` are stored as
  // hard links.
  void join_group(const std::string& path, std::uint64_t group);
  // Makes the directory and those above it that are missing, each with this mode and owner. Throws
  // Error where a file is in the way.
  void make_directories(std::string_view path, std::uint32_t mode, Owner owner);

  // All items in path order with the directories above them; what lies below at those is an item
  // as it is. Once.
  PlanItems finish();

 private:
  bool is_planned(std::string_view path) const;
  // Calls visit(path, type, mtime) for all items in path order.
  template <class Visit>
  void for_each(Visit visit) const;
  std::map<std::string, PlanItem, PathLess> missing_parents() const;
  std::map<std::string, std::int64_t, std::less<>> made_times() const;
  std::map<std::string, std::string, std::less<>> hard_links() const;

  const StackView& below_;
  // Items come mostly in path order: those that did, and those that did not, which count where both
  // have a path.
  PlanItems in_order_;
  std::map<std::string, PlanItem, PathLess> others_;
  std::set<std::string, std::less<>> untimed_;
  std::map<std::string, std::int64_t, std::less<>> times_;  // by set_time()
  std::map<std::string, std::uint64_t, PathLess> groups_;
};

}  // namespace slipway
