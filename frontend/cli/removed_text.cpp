#include "removed_text.hpp"

#include "table.hpp"

#include <unistd.h>

#include <cstdio>
#include <map>
#include <utility>

namespace slipway {
namespace {

using Kind = RoomItem::Kind;

std::pair<std::string, std::string> names_of(Kind kind, bool useless) {
  switch (kind) {
    case Kind::layer:
      return useless ? std::pair("unused layer", "unused layers") : std::pair("step", "steps");
    case Kind::blob:
      return {"unused blob", "unused blobs"};
    case Kind::cache_mount:
      return {"cache mount", "cache mounts"};
    case Kind::failed_step:
      return {"failed step", "failed steps"};
    case Kind::repository:
      return {"git repository", "git repositories"};
    case Kind::stat_cache:
      return {"stat cache", "stat caches"};
    case Kind::partial:
      return {"partial blob", "partial blobs"};
  }
  return {};
}

}  // namespace

std::uint64_t sum_of(const std::vector<RoomItem>& items) {
  std::uint64_t sum = 0;
  for (const RoomItem& item : items) sum += item.bytes;
  return sum;
}

std::string count_text(const std::vector<RoomItem>& items) {
  std::map<std::pair<Kind, bool>, std::size_t> counts;
  for (const RoomItem& item : items)
    ++counts[{item.kind, item.kind == Kind::layer && item.useless}];
  std::string text;
  std::size_t left = counts.size();
  for (const auto& [kind, count] : counts) {
    const auto [one, many] = names_of(kind.first, kind.second);
    --left;
    text += std::to_string(count) + " " + (count == 1 ? one : many) +
            (left == 0   ? ""
             : left == 1 ? " and "
                         : ", ");
  }
  return text;
}

std::string eviction_line(const std::vector<RoomItem>& items, const std::string& keep) {
  if (items.empty()) return {};
  return "cache: evicted " + count_text(items) + ", " + size_text(sum_of(items)) + ", to keep " +
         keep + "\n";
}

Room::Told measuring_lines() {
  if (::isatty(STDERR_FILENO) != 1) return nullptr;
  return [](const std::string& what, const TreeSize& size) {
    std::fprintf(stderr, "\rmeasuring %s: %llu files, %s\x1b[K\r", what.c_str(),
                 static_cast<unsigned long long>(size.files), size_text(size.bytes).c_str());
  };
}

}  // namespace slipway
