// Networks that containers share, as the store knows them: what they are called and which addresses
// they have. What they are made of is executor/containers/network's.
#pragma once

#include <ir/error.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class Database;
class StateDirectory;

struct Network {
  std::string id;  // 64 hexadecimal digits
  std::string name;
  std::int64_t created = 0;  // nanoseconds since the epoch
  std::string subnet;        // "10.89.0.0/24"
  std::string gateway;       // "10.89.0.1"
  bool internal = false;     // no way out
  std::map<std::string, std::string> labels;
};

class NoSuchNetwork : public Error {
 public:
  using Error::Error;
};

class NetworkStore {
 public:
  NetworkStore(StateDirectory& state, Database& database) : state_(state), database_(database) {}

  // Throws Error: the name is taken, is one of "default", "bridge", "host", "none", or is no name.
  // `complete` gets the new one and all others while nobody can make one, and throws what it likes.
  using Complete = std::function<void(Network& made, const std::vector<Network>& others)>;
  Network create(const Network& network, const Complete& complete = {});
  std::optional<Network> find(std::string_view name_or_id) const;
  Network get(std::string_view name_or_id) const;  // throws NoSuchNetwork
  std::vector<Network> list() const;               // by name; the stored ones
  void remove(const std::string& id);

  // What its process keeps while it runs: networks/ID.
  std::filesystem::path folder(const std::string& id) const;

 private:
  StateDirectory& state_;
  Database& database_;
};

}  // namespace slipway
