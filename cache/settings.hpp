// What a user has set for a store: `slipway config`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class Database;

class Settings {
 public:
  // What can be set, for people.
  struct Known {
    std::string_view name;
    std::string_view what;
  };
  static const std::vector<Known>& known();

  Settings(Database& database, std::filesystem::path root)
      : database_(database), root_(std::move(root)) {}

  // As it was set; empty: it was not. All three throw Error, with a hint, for an unknown name.
  std::optional<std::string> get(std::string_view name) const;
  // Throws Error for a value that cannot be.
  void set(std::string_view name, std::string_view value);
  // False: it was not set.
  bool unset(std::string_view name);

  // cache.keep in bytes. Where it is not set, a tenth of the disk that the store is on, 2 GB at
  // least.
  std::uint64_t cache_keep() const;
  // The same for people: "40GB", "10% of the disk".
  std::string cache_keep_text() const;

 private:
  Database& database_;
  std::filesystem::path root_;
};

// "40GB", or "10%" of the file system that `root` is on, in bytes. Empty: it is no size.
std::optional<std::uint64_t> read_room(std::string_view text, const std::filesystem::path& root);

}  // namespace slipway
