#include <cache/containers/networks.hpp>

#include <cache/containers/names.hpp>
#include <cache/database.hpp>
#include <cache/remove_tree.hpp>
#include <cache/state_directory.hpp>

#include <nlohmann/json.hpp>

#include <chrono>

namespace slipway {
namespace {

Network read_row(const Query& row) {
  return {row.text(0),
          row.text(1),
          row.integer(2),
          row.text(3),
          row.text(4),
          row.integer(5) != 0,
          nlohmann::json::parse(row.text(6)).get<std::map<std::string, std::string>>()};
}

}  // namespace

Network NetworkStore::create(const Network& network, const Complete& complete) {
  require_container_name(network.name);
  Network made = network;
  made.id = random_id();
  made.created = std::chrono::duration_cast<std::chrono::nanoseconds>(
                     std::chrono::system_clock::now().time_since_epoch())
                     .count();
  for (const std::string_view own : {"default", "bridge", "host", "none"})
    if (made.name == own) throw Error("the network " + quoted(made.name) + " is always there");
  Transaction transaction(database_);
  if (find(made.name)) throw Error("there is a network " + quoted(made.name) + " already");
  if (complete) complete(made, list());
  Query(database_,
        "INSERT INTO networks (id, name, created, subnet, gateway, internal, labels)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)")
      .bind(made.id)
      .bind(made.name)
      .bind(made.created)
      .bind(made.subnet)
      .bind(made.gateway)
      .bind(std::int64_t{made.internal})
      .bind(nlohmann::json(made.labels).dump())
      .run();
  transaction.commit();
  return made;
}

std::optional<Network> NetworkStore::find(std::string_view name_or_id) const {
  Query query(database_,
              "SELECT id, name, created, subnet, gateway, internal, labels FROM networks"
              " WHERE name = ?1 OR id = ?1 ORDER BY name = ?1 DESC LIMIT 1");
  if (!query.bind(name_or_id).step()) return std::nullopt;
  return read_row(query);
}

Network NetworkStore::get(std::string_view name_or_id) const {
  if (auto found = find(name_or_id)) return std::move(*found);
  throw NoSuchNetwork("there is no network " + quoted(name_or_id));
}

std::vector<Network> NetworkStore::list() const {
  std::vector<Network> all;
  Query query(database_,
              "SELECT id, name, created, subnet, gateway, internal, labels FROM networks"
              " ORDER BY name");
  while (query.step()) all.push_back(read_row(query));
  return all;
}

void NetworkStore::remove(const std::string& id) {
  Query(database_, "DELETE FROM networks WHERE id = ?").bind(id).run();
  const std::filesystem::path path = folder(id);
  if (const auto failure = remove_tree(path))
    throw Error("cannot remove " + quoted(path.string()) + ": " + failure.message());
}

std::filesystem::path NetworkStore::folder(const std::string& id) const {
  return state_.root() / "networks" / id;
}

}  // namespace slipway
