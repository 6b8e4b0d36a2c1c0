// Tars as no honest program writes them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace slipway {

// One header (ustar) with its content, padded. `size` may differ from the content's.
struct TarItem {
  std::string name;
  char type = '0';  // 0 file, 1 hard link, 2 symlink, 3 and 4 devices, 5 directory, 6 pipe
  std::string content = {};
  std::string link = {};
  unsigned mode = 0644;
  unsigned major = 0;
  unsigned minor = 0;
  std::int64_t size = -1;  // -1: the content's
  std::uint64_t mtime = 1'600'000'000;
};
std::string tar_of(std::initializer_list<TarItem> items);
std::string tar_item(const TarItem& item);
// A pax header in front of the next item.
std::string pax(const std::string& key, const std::string& value);
std::string pax(const std::vector<std::pair<std::string, std::string>>& records);
extern const std::string tar_end;

}  // namespace slipway
