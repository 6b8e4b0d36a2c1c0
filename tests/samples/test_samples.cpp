// Every sample from nothing to an image, once more from the cache, and what its files do.
#include "../loopback.hpp"
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

const fs::path samples = SAMPLES;

// Builds a sample twice: the second build must take every step from the cache, and give the same
// image.
Built build_twice(const Workshop& workshop, const std::string& sample) {
  const Built first = workshop.build_folder(samples / sample, {"-t", sample});
  INFO(first.log);
  REQUIRE(first.status == 0);
  CHECK(first.misses > 0);

  Built second = workshop.build_folder(samples / sample, {"-t", sample});
  INFO(second.log);
  REQUIRE(second.status == 0);
  CHECK(second.ran() == std::vector<std::string>{});
  CHECK(second.misses == 0);
  CHECK(second.hits == first.hits + first.misses);
  CHECK(second.image == first.image);
  return second;
}

// What runs a program in the files of an image; `user`: as whom. Files that a user was given are
// all that user's, who is root there.
std::vector<std::string> in_root(const fs::path& files, const std::vector<std::string>& program,
                                 const std::string& user = "0:0") {
  std::vector<std::string> words = {"chroot", "--userspec=" + user, files};
  if (::geteuid() != 0) words = {"unshare", "--user", "--map-root-user", "chroot", files};
  words.insert(words.end(), program.begin(), program.end());
  return words;
}

nlohmann::json config_of(const Workshop& workshop, const std::string& image) {
  const Finished inspected = workshop.slipway({"inspect", image});
  INFO(inspected.err);
  REQUIRE(inspected.status == 0);
  const auto json = nlohmann::json::parse(inspected.out);
  return json.at(0).at("Config");
}

std::vector<std::string> lines_of(const fs::path& file) {
  std::istringstream text(read(file));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("hello is one file on nothing") {
  SKIP_UNLESS_ROOT();
  Workshop workshop({});
  build_twice(workshop, "hello");
  const fs::path files = workshop.files_of(samples / "hello");
  CHECK(read(files / "hello.txt") == read(samples / "hello/hello.txt"));
  CHECK(std::distance(fs::directory_iterator(files), {}) == 1);
}

TEST_CASE("web serves what was posted to it") {
  SKIP_UNLESS_ROOT();
  Workshop workshop({"busybox:latest", "gcc:12", "debian:bookworm"});
  build_twice(workshop, "web");

  // Its config says how it wants to be run.
  const auto config = config_of(workshop, "web");
  CHECK(config.at("User") == "paste");
  CHECK(config.at("WorkingDir") == "/data");
  CHECK(config.at("Entrypoint") == nlohmann::json{"paste"});
  CHECK(config.at("StopSignal") == "SIGTERM");
  CHECK(config.at("ExposedPorts").contains("8080/tcp"));
  CHECK(config.at("Volumes").contains("/data"));
  CHECK(config.at("Healthcheck").at("Test") == nlohmann::json{"CMD", "paste", "--check"});
  CHECK(config.at("Labels").at("org.opencontainers.image.version") == "1.0");

  // Another version is another label and another page, of the same program.
  const Built newer =
      workshop.build_folder(samples / "web", {"--build-arg", "VERSION=2.0", "-t", "web:2"});
  INFO(newer.log);
  REQUIRE(newer.status == 0);
  CHECK(config_of(workshop, "web:2").at("Labels").at("org.opencontainers.image.version") == "2.0");
  for (const std::string& instruction : newer.ran()) {
    CHECK(instruction.find("make") == std::string::npos);
  }

  // It runs from its own files.
  ROOT_ALONE("unpacks the files of several owners, and runs a program as one of them");
  const fs::path files = workshop.files_of(samples / "web");
  CHECK(read(files / "usr/share/paste/index.html").find("paste <small>1.0</small>") !=
        std::string::npos);
  CHECK((fs::status(files / "usr/share/doc/paste/check.txt").permissions() & fs::perms::mask) ==
        fs::perms(0444));

  const std::string port = std::to_string(free_port());
  const std::map<std::string, std::string> settings{
      {"PASTE_PORT", port}, {"PASTE_PAGES", "/usr/share/paste"}, {"PASTE_DATA", "/data"}};
  const std::vector<std::string> paste = in_root(files, {"/usr/local/bin/paste"}, "900:900");
  Program server(paste, settings);
  std::vector<std::string> check = paste;
  check.emplace_back("--check");
  for (int tries = 0; tries < 200 && run(check, settings).status != 0; ++tries) {
    REQUIRE(server.running());
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  const std::string address = "http://127.0.0.1:" + port + "/";
  const std::string name =
      output_of({"curl", "-sS", "--noproxy", "*", "--data-binary", "kept by the sample", address});
  REQUIRE(name.size() == 17);
  CHECK(output_of({"curl", "-sS", "--noproxy", "*", address + name.substr(0, 16)}) ==
        "kept by the sample");
  CHECK(read(files / "data" / name.substr(0, 16)) == "kept by the sample");
}

TEST_CASE("c-project ships the Lua that its tests have passed") {
  SKIP_UNLESS_ROOT();
  output_of({(samples / "c-project/fetch.sh").string()});
  Workshop workshop({"gcc:12"});
  build_twice(workshop, "c-project");

  const fs::path files = workshop.files_of(samples / "c-project");
  const std::string report = lines_of(files / "usr/share/lua/tests.txt").back();
  CHECK(report.find(" tests, 0 failed") != std::string::npos);
  CHECK(report[0] != '0');

  // Static: no library of the build stages came along, and none is missing.
  CHECK(output_of(in_root(files, {"/usr/bin/lua", "-e", "print(1 << 40, _VERSION)"})) ==
        "1099511627776\tLua 5.4\n");
  CHECK(output_of(in_root(files, {"/usr/bin/calc", "(3 + 4) * 6"})) == "42\n");
}

TEST_CASE("many-stages counts what is in its texts") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  build_twice(workshop, "many-stages");
  const fs::path report = workshop.files_of(samples / "many-stages") / "report";

  // The same counts, made here.
  std::map<std::string, int> words;
  int total = 0;
  std::vector<int> letters(26);
  std::set<fs::path> texts;
  for (const auto& entry : fs::directory_iterator(samples / "many-stages/text")) {
    texts.insert(entry.path());
  }
  for (const fs::path& text : texts) {
    std::string word;
    for (const char c : read(text) + "\n") {
      const char low = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      if ((low >= 'a' && low <= 'z') || low == '\'') {
        word += low;
        if (low != '\'') ++letters[static_cast<std::size_t>(low - 'a')];
      } else if (!word.empty()) {
        ++words[word];
        ++total;
        word.clear();
      }
    }
  }

  int rare = 0;
  int most = 0;
  for (const auto& [word, count] : words) {
    if (count == 1) ++rare;
    most = std::max(most, count);
  }
  CHECK(lines_of(report / "rare").size() == static_cast<std::size_t>(rare));

  std::istringstream frequent(lines_of(report / "frequency").front());
  int count = 0;
  std::string word;
  frequent >> count >> word;
  CHECK(count == most);
  CHECK(words[word] == most);

  int counted = 0;
  for (const std::string& line : lines_of(report / "lengths")) {
    counted += std::stoi(line.substr(line.find(' ')));
  }
  CHECK(counted == total);

  for (const std::string& line : lines_of(report / "letters")) {
    std::istringstream fields(line);
    std::string letter;
    fields >> count >> letter;
    CHECK(letters.at(static_cast<std::size_t>(letter[0] - 'a')) == count);
  }
  CHECK(lines_of(report / "lines").size() == texts.size());
}
