// Fills a store for images.sh: `bench_images ROOT COUNT` puts COUNT images there, of a base of five
// layers and three of their own each, with a name, half of them with a second one and a digest.
#include <cache/database.hpp>
#include <cache/images/facts.hpp>
#include <cache/images/store.hpp>
#include <cache/state_directory.hpp>
#include <ir/reference.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

using namespace slipway;

namespace {

DiffId add_layer(Database& database, const std::string& name) {
  const DiffId layer{sha256(name)};
  Query(database,
        "INSERT OR IGNORE INTO layers (diff_id, tree, size, canonical, created, boot) "
        "VALUES (?, ?, ?, 1, 0, ?)")
      .bind(layer.digest)
      .bind(sha256("tree of " + name))
      .bind(std::int64_t{12'345'678})
      .bind(database.boot())
      .run();
  return layer;
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) {
    std::fputs("bench_images ROOT COUNT\n", stderr);
    return 1;
  }
  const StateDirectory state{words[1]};
  Database database(state.root() / "slipway.db");
  ImageStore images(database);
  ImageFacts facts(database);
  const int wanted = std::atoi(words[2]);
  Transaction transaction(database);
  for (int i = 0; i < wanted; ++i) {
    const std::string number = std::to_string(i);
    ImageConfig config;
    config.created =
        "2026-01-01T00:00:" + std::string(i % 60 < 10 ? "0" : "") + std::to_string(i % 60) + "Z";
    config.platform = {"linux", "amd64", ""};
    for (int layer = 0; layer < 5; ++layer)
      config.diff_ids.push_back(
          add_layer(database, "base " + std::to_string(i % 20) + " " + std::to_string(layer)));
    for (int layer = 0; layer < 3; ++layer)
      config.diff_ids.push_back(add_layer(database, number + " " + std::to_string(layer)));
    config.labels = {{"number", number}};
    const Digest id = images.put(write_image_config(config));
    const Reference name = parse_reference("registry.example/team/app-" + number + ":1.0");
    images.tag(name, id);
    if (i % 2 == 0) images.tag(parse_reference("app-" + number), id);
    if (i % 2 == 0) facts.put_digest(id, name, sha256("manifest " + number));
  }
  transaction.commit();
  return 0;
}
