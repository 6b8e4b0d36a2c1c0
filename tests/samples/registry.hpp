// docker-registry on a port of its own, with its blobs in a workshop's folder.
#pragma once

#include "../loopback.hpp"
#include "program.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

namespace slipway {

class Registry {
 public:
  // `more`: further lines of its configuration.
  explicit Registry(const std::filesystem::path& folder, const std::string& more = "")
      : address_("127.0.0.1:" + std::to_string(free_port())) {
    const std::filesystem::path config = folder / "registry.yml";
    std::ofstream(config) << "version: 0.1\n"
                             "log: {level: error}\n"
                             "storage:\n"
                             "  filesystem: {rootdirectory: "
                          << (folder / "registry").string()
                          << "}\n"
                             "http: {addr: \""
                          << address_ << "\"}\n"
                          << more;
    program_.emplace(Program({"docker-registry", "serve", config}));
    const auto answers = [&] {
      return run({"curl", "-s", "--noproxy", "*", "-o", "/dev/null", "http://" + address_ + "/v2/"})
                 .status == 0;
    };
    for (int tries = 0; tries < 200 && !answers(); ++tries) {
      REQUIRE(program_->running());
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  std::string name(const std::string& image) const { return address_ + "/" + image; }

 private:
  std::string address_;
  std::optional<Program> program_;
};

}  // namespace slipway
