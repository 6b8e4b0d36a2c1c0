// Named directories that outlive containers.
#pragma once

#include <ir/error.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class Database;
class StateDirectory;

struct StoredVolume {
  std::string name;
  std::int64_t created = 0;  // nanoseconds since the epoch
  bool anonymous = false;    // named by nobody: 64 hexadecimal digits
  std::map<std::string, std::string> labels;
};

class NoSuchVolume : public Error {
 public:
  using Error::Error;
};

class VolumeStore {
 public:
  VolumeStore(StateDirectory& state, Database& database) : state_(state), database_(database) {}

  // The volume; made if there is none of that name. An empty name: an anonymous one. Throws Error
  // for what is no name.
  StoredVolume create(std::string_view name, const std::map<std::string, std::string>& labels);
  std::optional<StoredVolume> find(std::string_view name) const;
  StoredVolume get(std::string_view name) const;  // throws NoSuchVolume
  std::vector<StoredVolume> list() const;         // by name
  // The containers that mount it, by ID.
  std::vector<std::string> users(std::string_view name) const;
  // Throws Error: a container uses it; NoSuchVolume.
  void remove(std::string_view name);
  // Empty folders without a row, which somebody who was killed has left. One with files is
  // somebody's data, and stays (fsck).
  void sweep();

  // Where its files are: volumes/NAME/_data. It is there as long as nobody has removed it by hand.
  std::filesystem::path directory(std::string_view name) const;

 private:
  StateDirectory& state_;
  Database& database_;
};

}  // namespace slipway
