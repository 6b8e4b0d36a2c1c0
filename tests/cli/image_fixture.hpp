// A store with images that have layers in its database and no files.
#pragma once

#include "../cache/store_fixture.hpp"
#include "../cache/temporary_folder.hpp"
#include "program.hpp"

#include <cache/images/facts.hpp>
#include <cache/images/store.hpp>
#include <cache/state_directory.hpp>

#include <ctime>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace slipway {

struct TestStore {
  TemporaryFolder folder;
  StateDirectory state{folder.path()};
  Database database{state.root() / "slipway.db"};
  ImageStore images{database};

  Digest put(const std::string& step, const std::string& created, std::uint64_t size = 12'600'000,
             const std::map<std::string, std::string>& labels = {},
             const Platform& platform = {"linux", "amd64", ""}) {
    const LayerRef layer = add_layer(database, step, size);
    ImageConfig config;
    config.created = created;
    config.platform = platform;
    config.labels = labels;
    config.env = {"PATH=/bin"};
    config.diff_ids = {layer.diff_id};
    config.history = {{created, step, "", "by a test", false},
                      {created, "CMD [\"sh\"]", "", "", true}};
    return images.put(write_image_config(config));
  }
  void tag(const std::string& name, const Digest& id) { images.tag(parse_reference(name), id); }
  Outcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--root", folder.path().string()});
    return run_slipway(std::move(arguments));
  }
};

inline std::string short_of(const Digest& id) {
  return id.hex().substr(0, 12);
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

inline std::string years_ago(int years) {
  const std::time_t time = std::time(nullptr) - years * 365L * 86400 - 86400;
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&time));
  return text;
}

}  // namespace slipway
