// Pulls that end early, that meet, and that are lied to; the registry is a test's own, which counts
// what it sends.
#include "../../executor/process_variables.hpp"
#include "../child_process.hpp"
#include "../programs.hpp"
#include "../temporary_folder.hpp"
#include "http_server.hpp"

#include <cache/archive/gzip.hpp>
#include <cache/blobs.hpp>
#include <cache/fsck.hpp>
#include <cache/images/facts.hpp>
#include <cache/partial_blob.hpp>
#include <cache/registry/blob_places.hpp>
#include <cache/registry/pull.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace slipway;

namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class TextSource : public ByteSource {
 public:
  explicit TextSource(std::string_view text) : left_(text) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t size = std::min(buffer.size(), left_.size());
    std::copy_n(std::as_bytes(std::span(left_)).begin(), size, buffer.begin());
    left_.remove_prefix(size);
    return size;
  }

 private:
  std::string_view left_;
};

// The tar of a layer of one file, whose bytes do not compress.
std::string layer_tar(std::size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string content(size, '\0');
  for (char& c : content) c = static_cast<char>(random());
  std::string tar;
  LayerBuilder builder([&tar](std::span<const std::byte> bytes) { tar += text_of(bytes); });
  Entry file;
  file.path = "file";
  file.mode = 0644;
  file.size = size;
  TextSource source(content);
  builder.add_file(file, source);
  builder.finish();
  return tar;
}

std::string gzipped(const std::string& bytes) {
  std::string packed;
  GzipWriter gzip([&packed](std::span<const std::byte> piece) { packed += text_of(piece); });
  gzip.write(std::as_bytes(std::span(bytes)));
  gzip.finish();
  return packed;
}

// By the program of that name.
std::string bzip2(const std::string& bytes) {
  const TemporaryFolder folder;
  folder.write("tar", bytes);
  return run_command("bzip2 " + (folder / "tar").string()) ? folder.read("tar.bz2") : "";
}

std::string descriptor(const std::string& type, const std::string& bytes) {
  return R"({"mediaType":")" + type + R"(","digest":")" + sha256(bytes).text() + R"(","size":)" +
         std::to_string(bytes.size()) + "}";
}

// What a registry has, and how it sends it.
struct Offered {
  std::vector<std::string> layers;  // as they are sent
  std::string config;
  std::string manifest;

  Offered(const std::vector<std::string>& tars, bool compressed)
      : Offered(tars, [compressed](const std::string& tar) {
          return compressed ? gzipped(tar) : tar;
        }, compressed) {}
  Offered(const std::vector<std::string>& tars,
          const std::function<std::string(const std::string&)>& pack, bool compressed) {
    std::string ids;
    std::string list;
    for (const std::string& tar : tars) {
      layers.push_back(pack(tar));
      ids += (ids.empty() ? "\"" : ",\"") + sha256(tar).text() + "\"";
      list += (list.empty() ? "" : ",") +
              descriptor(std::string("application/vnd.oci.image.layer.v1.tar") +
                             (compressed ? "+gzip" : ""),
                         layers.back());
    }
    config =
        R"({"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[)" +
        ids + "]}}";
    manifest =
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)" +
        descriptor("application/vnd.oci.image.config.v1+json", config) + R"(,"layers":[)" + list +
        "]}";
  }
};

class Registry {
 public:
  explicit Registry(Offered image)
      : image_(std::move(image)),
        server_([this](const HttpServer::Request& request) { return answer(request); }) {}

  Reference name() const { return parse_reference(server_.address() + "/app:1"); }
  const Offered& image() const { return image_; }
  // Where each request for a layer began.
  std::vector<std::size_t> starts() const {
    std::vector<std::size_t> starts;
    for (const HttpServer::Request& request : server_.requests()) {
      if (!is_layer(request.path)) continue;
      const auto range = request.headers.find("range");
      starts.push_back(range == request.headers.end()
                           ? 0
                           : std::strtoul(range->second.c_str() + 6, nullptr, 10));
    }
    return starts;
  }

  // A layer's answer stops behind so many bytes, until this is raised.
  std::atomic<std::size_t> most = SIZE_MAX;
  std::atomic<std::size_t> sent = 0;  // of layers, in all answers
  // Raised when nobody listens any more: answers that have begun end.
  std::atomic<int> round = 0;
  // What is sent instead of a layer.
  std::function<HttpServer::Reply(HttpServer::Reply)> instead = {};

 private:
  bool is_layer(const std::string& path) const {
    for (const std::string& layer : image_.layers)
      if (path == "/v2/app/blobs/" + sha256(layer).text()) return true;
    return false;
  }

  HttpServer::Reply answer(const HttpServer::Request& request) {
    if (request.path == "/v2/app/manifests/1") {
      return {.headers = {{"Content-Type", "application/vnd.oci.image.manifest.v1+json"},
                          {"Warning", "299 - \"closes in May\""}},
              .body = image_.manifest};
    }
    if (request.path == "/v2/app/blobs/" + sha256(image_.config).text())
      return {.body = image_.config};
    for (const std::string& layer : image_.layers) {
      if (request.path != "/v2/app/blobs/" + sha256(layer).text()) continue;
      std::size_t from = 0;
      HttpServer::Reply reply;
      if (const auto range = request.headers.find("range"); range != request.headers.end()) {
        from = std::strtoul(range->second.c_str() + 6, nullptr, 10);
        reply.status = 206;
        reply.headers.emplace_back("Content-Range", "bytes " + std::to_string(from) + "-" +
                                                        std::to_string(layer.size() - 1) + "/" +
                                                        std::to_string(layer.size()));
      }
      if (instead) {
        reply.body = layer.substr(from);
        return instead(std::move(reply));
      }
      reply.headers.emplace_back("Content-Length", std::to_string(layer.size() - from));
      reply.stream = [this, &layer, from, mine = round.load()](const std::function<bool(std::string_view)>& send) {
        for (std::size_t at = from; at < layer.size();) {
          while (at >= most) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            if (round != mine) return;
          }
          const std::size_t size = std::min({std::size_t{16384}, layer.size() - at, most - at});
          if (round != mine || !send(std::string_view(layer).substr(at, size))) return;
          at += size;
          sent += size;
        }
      };
      return reply;
    }
    return {.status = 404};
  }

  const Offered image_;
  HttpServer server_;
};

std::string message_of(auto&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

bool pull_into(const std::filesystem::path& folder, const Reference& name) {
  Store store(folder);
  PullProgress progress;
  return !pull(store, name, host_platform(), progress).layers.empty();
}

std::size_t files_in(const std::filesystem::path& folder) {
  std::size_t count = 0;
  if (!std::filesystem::exists(folder)) return 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    count += entry.is_regular_file() ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("a pull that is killed anywhere goes on where it was, and asks for no byte twice") {
  for (const bool compressed : {true, false}) {
    CAPTURE(compressed);
    Registry registry(Offered({layer_tar(3'000'000, 1)}, compressed));
    const std::string& layer = registry.image().layers.front();
    const Digest digest = sha256(layer);
    const TemporaryFolder folder;
    std::mt19937 random(compressed ? 7 : 8);
    std::vector<std::size_t> kept{0};  // what was there when each pull began
    std::size_t most = 0;
    for (int round = 0; round < 5; ++round) {
      most += 1 + random() % 500'000;
      registry.most = most;
      ChildProcess puller(
          [&](const ChildProcess&) { return pull_into(folder / "store", registry.name()); });
      // Killed when anything from none to all of it has been written.
      while (registry.sent < most) std::this_thread::sleep_for(std::chrono::microseconds(100));
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
      puller.kill();
      ++registry.round;
      Store store(folder / "store");
      kept.push_back(PartialBlob::size_of(store.state(), digest));
      CHECK(kept.back() >= kept[kept.size() - 2]);
      CHECK(kept.back() <= most);
      registry.sent = kept.back();
    }
    registry.most = SIZE_MAX;
    CHECK(pull_into(folder / "store", registry.name()));
    CHECK(registry.starts() == kept);
    CHECK(check_store(folder / "store", false).problems.empty());
    Store store(folder / "store");
    CHECK(store.blobs().read(digest) == layer);
    CHECK(PartialBlob::list(store.state()).empty());
  }
}

TEST_CASE("what was kept of a layer and is wrong costs a second download, no more") {
  Registry registry(Offered({layer_tar(300'000, 1)}, true));
  const Digest digest = sha256(registry.image().layers.front());
  const TemporaryFolder folder;
  {
    Store store(folder / "store");
    const std::string wrong(registry.image().layers.front().size() / 2, 'x');
    PartialBlob::attempt(store.state(), digest)->append(std::as_bytes(std::span(wrong)));
  }
  CHECK(pull_into(folder / "store", registry.name()));
  REQUIRE(registry.starts().size() == 2);
  CHECK(registry.starts()[0] == registry.image().layers.front().size() / 2);
  CHECK(registry.starts()[1] == 0);
  CHECK(check_store(folder / "store", false).problems.empty());
}

TEST_CASE("bytes that cannot be unpacked stay, unless they were there before") {
  // Of the right digest, but no archive: as it is with one that the disk has no room for.
  std::string garbage(300'000, 'x');
  Registry registry(Offered({garbage}, true));
  const Digest digest = sha256(registry.image().layers.front());
  const TemporaryFolder folder;
  Store store(folder / "store");
  PullProgress progress;
  const auto attempt = [&] {
    return message_of([&] { pull(store, registry.name(), host_platform(), progress); });
  };
  CHECK(attempt() != "no error");
  CHECK(PartialBlob::size_of(store.state(), digest) > 0);
  CHECK(registry.starts() == std::vector<std::size_t>{0});
  // These may have been wrong, so there is another download, from the front.
  CHECK(attempt() != "no error");
  CHECK(registry.starts().size() > 1);
  CHECK(registry.starts().back() == 0);
}

TEST_CASE("what follows the end of what is compressed holds nobody up") {
  if (!has_programs({"bzip2"})) return;
  // More than there is room for on the way; the layer is called gzip's, which nobody relies on.
  const auto pack = [](const std::string& tar) { return bzip2(tar) + std::string(5'000'000, 'x'); };
  Registry registry(Offered({layer_tar(10'000, 1)}, pack, true));
  const Digest digest = sha256(registry.image().layers.front());
  const TemporaryFolder folder;
  {
    Store store(folder / "store");
    PullProgress progress;
    // Whether it is taken or refused is not what counts here: the pull ends.
    const std::string message =
        message_of([&] { pull(store, registry.name(), host_platform(), progress); });
    CAPTURE(message);
    CHECK(store.blobs().has(digest) == (message == "no error"));
  }
  CHECK(check_store(folder / "store", false).problems.empty());
}

TEST_CASE("a mirror's wrong layers are asked of the registry, all of them") {
  const Offered image({layer_tar(300'000, 1), layer_tar(200'000, 2)}, true);
  Registry registry(image);
  Registry mirror(image);
  const auto wrong = [](HttpServer::Reply reply) {
    reply.body[9] = static_cast<char>(reply.body[9] ^ 1);  // unpacks to the same
    return reply;
  };
  mirror.instead = wrong;
  const TemporaryFolder folder;
  folder.write("registries.json", R"({"registries":{")" + registry.name().domain +
                                      R"(":{"mirrors":[")" + mirror.name().domain + R"("]}}})");
  const ProcessVariables variables{
      {"SLIPWAY_REGISTRIES", (folder / "registries.json").string()}};
  SUBCASE("and come from there") {
    CHECK(pull_into(folder / "store", registry.name()));
    CHECK(registry.starts() == std::vector<std::size_t>{0, 0});
    CHECK_FALSE(mirror.starts().empty());
    CHECK(check_store(folder / "store", false).problems.empty());
  }
  SUBCASE("once") {
    registry.instead = wrong;
    CHECK_THROWS_AS((void)pull_into(folder / "store", registry.name()), Error);
    CHECK(registry.starts().size() <= 2);
  }
}

TEST_CASE("what was all there but not yet looked at is asked for no more") {
  Registry registry(Offered({layer_tar(300'000, 1)}, true));
  const std::string& layer = registry.image().layers.front();
  const TemporaryFolder folder;
  {
    Store store(folder / "store");
    PartialBlob::attempt(store.state(), sha256(layer))->append(std::as_bytes(std::span(layer)));
  }
  CHECK(pull_into(folder / "store", registry.name()));
  CHECK(registry.starts().empty());
}

TEST_CASE("two processes that want one layer download it once") {
  Registry registry(Offered({layer_tar(1'000'000, 1)}, true));
  registry.most = 400'000;
  const TemporaryFolder folder;
  ChildProcess first(
      [&](const ChildProcess&) { return pull_into(folder / "store", registry.name()); });
  while (registry.sent < 400'000) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ChildProcess second(
      [&](const ChildProcess&) { return pull_into(folder / "store", registry.name()); });
  SUBCASE("the second gets what the first brings") {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    registry.most = SIZE_MAX;
    CHECK(first.succeeded());
    CHECK(second.succeeded());
    CHECK(registry.starts() == std::vector<std::size_t>{0});
  }
  SUBCASE("the second goes on where the first was killed") {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    first.kill();
    registry.most = SIZE_MAX;
    CHECK(second.succeeded());
    REQUIRE(registry.starts().size() == 2);
    CHECK(registry.starts()[1] > 0);
  }
  SUBCASE("the second does not wait for one who stands still") {
    first.suspend();
    registry.most = SIZE_MAX;
    CHECK(second.succeeded());
    CHECK(registry.starts() == std::vector<std::size_t>{0, 0});
    first.kill();
  }
  CHECK(check_store(folder / "store", false).problems.empty());
}

TEST_CASE("a layer that an image has twice comes once") {
  const std::string tar = layer_tar(200'000, 1);
  Registry registry(Offered({tar, layer_tar(100'000, 2), tar}, true));
  const TemporaryFolder folder;
  CHECK(pull_into(folder / "store", registry.name()));
  CHECK(registry.starts().size() == 2);
}

TEST_CASE("an image is remembered as it came, and where it came from") {
  Registry registry(Offered({layer_tar(1000, 1)}, true));
  const TemporaryFolder folder;
  Store store(folder / "store");
  struct Warned : PullProgress {
    void warned(const std::string& text) override { texts.push_back(text); }
    std::vector<std::string> texts;
  } progress;
  const Image image = pull(store, registry.name(), host_platform(), progress);
  CHECK(progress.texts == std::vector<std::string>{"closes in May"});
  const auto manifest = store.image_facts().manifest(image.id);
  REQUIRE(manifest);
  CHECK(manifest->json == registry.image().manifest);
  CHECK(manifest->media_type == "application/vnd.oci.image.manifest.v1+json");
  Reference by_digest = registry.name();
  by_digest.tag.clear();
  by_digest.digest = sha256(registry.image().manifest);
  CHECK(store.image_facts().digests(image.id) == std::vector<Reference>{by_digest});
  Reference other = registry.name();
  other.repository = "other";
  for (const std::string& blob : {registry.image().config, registry.image().layers.front()}) {
    CHECK(store.blob_places().elsewhere(sha256(blob), other) == std::vector<std::string>{"app"});
    CHECK(store.blob_places().elsewhere(sha256(blob), registry.name()).empty());
  }
}

TEST_CASE("a registry that lies gets one clear error, and leaves the store as it was") {
  Registry registry(Offered({layer_tar(300'000, 1)}, true));
  const TemporaryFolder folder;
  std::string expected;
  SUBCASE("other bytes") {
    registry.instead = [](HttpServer::Reply reply) {
      reply.body[reply.body.size() - 3] ^= 1;  // of gzip's length
      return reply;
    };
    expected = "has not the digest";
  }
  SUBCASE("other bytes that unpack to the same") {
    registry.instead = [](HttpServer::Reply reply) {
      reply.body[9] = static_cast<char>(reply.body[9] ^ 1);  // the system it was packed on
      return reply;
    };
    expected = "has not the digest";
  }
  SUBCASE("too many") {
    registry.instead = [](HttpServer::Reply reply) {
      reply.body += "more";
      return reply;
    };
    expected = "more bytes";
  }
  SUBCASE("too few") {
    registry.instead = [](HttpServer::Reply reply) {
      reply.body.resize(reply.body.size() - 4);
      return reply;
    };
    expected = "fewer bytes";
  }
  {
    Store store(folder / "store");
    PullProgress progress;
    const std::string message =
        message_of([&] { pull(store, registry.name(), host_platform(), progress); });
    CAPTURE(message);
    CHECK(message.find(expected) != std::string::npos);
    CHECK(store.images().list().empty());
    CHECK(files_in(folder / "store/blobs") == 0);
    CHECK(files_in(folder / "store/layers") == 0);
    CHECK(PartialBlob::list(store.state()).empty());
  }
  CHECK(files_in(folder / "store/work") == 0);
  registry.instead = {};
  CHECK(pull_into(folder / "store", registry.name()));
  CHECK(check_store(folder / "store", false).problems.empty());
}
