// Pushes into a registry of the test's own, which says what it was sent.
#include "../temporary_folder.hpp"
#include "http_server.hpp"

#include <cache/images/store.hpp>
#include <cache/layers/store.hpp>
#include <cache/registry/blob_places.hpp>
#include <cache/registry/push.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>
#include <ir/image_config.hpp>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace slipway;

namespace {

// Takes blobs in one piece or in several, and manifests.
class Warehouse {
 public:
  Warehouse() : server_([this](const HttpServer::Request& request) { return answer(request); }) {}

  Reference name(const std::string& repository = "app") const {
    return parse_reference(server_.address() + "/" + repository + ":1");
  }

  std::atomic<bool> refuses_blobs = false;
  // Guarded by the server, which makes one answer at a time; read when nobody is sending.
  std::map<std::string, std::size_t> blobs;      // sizes by "repository@sha256:..."
  std::map<std::string, std::string> manifests;  // by "repository:reference"
  std::size_t received = 0;                      // bytes of blobs
  std::size_t begun = 0;                         // uploads

 private:
  HttpServer::Reply answer(const HttpServer::Request& request) {
    const std::string path = request.path.substr(4);  // behind "/v2/"
    const std::string repository = path.substr(0, path.find('/'));
    const std::string rest = path.substr(repository.size() + 1);
    const auto after = [&](const std::string& mark) {
      const std::size_t at = rest.find(mark);
      if (at == std::string::npos) return std::string();
      const std::size_t start = at + mark.size();
      return rest.substr(start, rest.find('&', start) - start);
    };
    const auto colon = [](std::string text) {
      if (const std::size_t at = text.find("%3A"); at != std::string::npos)
        text.replace(at, 3, ":");
      return text;
    };
    if (rest.starts_with("manifests/")) {
      if (request.method != "PUT") return {.status = 404};
      manifests[repository + ":" + rest.substr(10)] = request.body;
      return {.status = 201};
    }
    if (rest.starts_with("blobs/sha256")) {
      const auto blob = blobs.find(repository + "@" + rest.substr(6));
      if (blob == blobs.end()) return {.status = 404};
      return {.status = 200, .claimed_extra = blob->second};  // the length that HEAD tells
    }
    if (request.method == "POST") {
      if (const std::string from = after("from="); !from.empty()) {
        const std::string digest = colon(after("mount="));
        if (blobs.contains(from + "@" + digest)) {
          blobs[repository + "@" + digest] = blobs.at(from + "@" + digest);
          return {.status = 201,
                  .headers = {{"Location", "/v2/" + repository + "/blobs/" + digest}}};
        }
      }
      uploads_.push_back("");
      ++begun;
      return place(repository, uploads_.size() - 1, 202);
    }
    // blobs/uploads/NUMBER
    const std::size_t number = std::strtoul(rest.c_str() + 14, nullptr, 10);
    if (number >= uploads_.size()) return {.status = 404};
    if (request.method == "GET") return place(repository, number, 204);
    if (refuses_blobs) return {.status = 403};
    uploads_[number] += request.body;
    received += request.body.size();
    if (request.method == "PATCH") return place(repository, number, 202);
    if (sha256(uploads_[number]).text() != colon(after("digest="))) return {.status = 400};
    blobs[repository + "@" + sha256(uploads_[number]).text()] = uploads_[number].size();
    return {.status = 201};
  }

  HttpServer::Reply place(const std::string& repository, std::size_t number, int status) const {
    const std::size_t size = uploads_[number].size();
    HttpServer::Reply reply{.status = status};
    reply.headers = {{"Location", "/v2/" + repository + "/blobs/uploads/" + std::to_string(number)},
                     {"Range", "0-" + std::to_string(size == 0 ? 0 : size - 1)}};
    return reply;
  }

  std::vector<std::string> uploads_;
  HttpServer server_;  // the last: it uses all the others
};

class Watch : public PushProgress {
 public:
  void sent(const Digest&, std::uint64_t bytes) override {
    if (bytes >= stop_behind) stop = true;
  }
  void done(const Digest& digest, Outcome outcome, const std::string& from) override {
    outcomes[digest] = outcome;
    if (!from.empty()) mounted_from.insert(from);
  }
  std::map<Digest, Outcome> outcomes;
  std::set<std::string> mounted_from;
  std::uint64_t stop_behind = UINT64_MAX;
  std::atomic<bool> stop = false;
};

// An image of one layer, a file of bytes that do not compress: always the same.
ToPack make_image(Store& store, std::size_t size) {
  std::mt19937_64 random(1);
  std::string content(size, '\0');
  for (char& c : content) c = static_cast<char>(random());
  Staging staging = store.layers().stage();
  std::ofstream(staging.upper() / "file") << content;
  std::filesystem::last_write_time(staging.upper() / "file", {});
  const BuiltLayer built = index_upper(staging.upper(), StackView({}));
  ImageConfig config;
  config.platform = host_platform();
  config.diff_ids = {store.layers().commit(std::move(staging), built).diff_id};
  return stored_image(store, store.images().put(write_image_config(config)), {});
}

constexpr std::size_t large = 40'000'000;

PackOptions uncompressed() {
  PackOptions options;
  options.layers.compression = Compression::none;
  return options;
}

}  // namespace

TEST_CASE("a push that was ended goes on within the blob, in another process too") {
  Warehouse warehouse;
  const TemporaryFolder folder;
  {
    Store store(folder / "store");
    Watch watch;
    watch.stop_behind = 20'000'000;
    CHECK_THROWS_AS(push(store, warehouse.name(), make_image(store, large), uncompressed(), watch,
                         [&watch] { return watch.stop.load(); }),
                    Error);
    CHECK(warehouse.manifests.empty());
  }
  const std::size_t before = warehouse.received;
  CHECK(before >= 16'000'000);  // a piece
  Store store(folder / "store");
  Watch watch;
  const ToPack image = make_image(store, large);
  const BlobDescriptor root = push(store, warehouse.name(), image, uncompressed(), watch);
  CHECK(warehouse.begun == 2);  // the layer's, and the config's
  // What a piece had when it was cut off is sent again, no more.
  CHECK(warehouse.received < large + (std::size_t{16} << 20) + 100'000);
  CHECK(sha256(warehouse.manifests.at("app:1")) == root.digest);
  // Nothing is known of uploads any more.
  for (const auto& [digest, outcome] : watch.outcomes)
    CHECK_FALSE(store.blob_places().upload(digest, warehouse.name()));
}

TEST_CASE("a second push sends nothing, and one to another repository has blobs mounted") {
  Warehouse warehouse;
  const TemporaryFolder folder;
  Store store(folder / "store");
  const ToPack image = make_image(store, 100'000);
  Watch first;
  const BlobDescriptor root = push(store, warehouse.name(), image, {}, first);
  CHECK(first.outcomes.size() == 2);
  for (const auto& [digest, outcome] : first.outcomes)
    CHECK(outcome == PushProgress::Outcome::sent);
  const std::size_t received = warehouse.received;

  Watch second;
  CHECK(push(store, warehouse.name(), image, {}, second).digest == root.digest);
  for (const auto& [digest, outcome] : second.outcomes)
    CHECK(outcome == PushProgress::Outcome::there);
  Watch third;
  push(store, warehouse.name("other"), image, {}, third);
  for (const auto& [digest, outcome] : third.outcomes)
    CHECK(outcome == PushProgress::Outcome::mounted);
  CHECK(third.mounted_from == std::set<std::string>{"app"});
  CHECK(warehouse.received == received);

  SUBCASE("what the registry has lost is sent again") {
    warehouse.blobs.clear();
    Watch fourth;
    push(store, warehouse.name("third"), image, {}, fourth);
    for (const auto& [digest, outcome] : fourth.outcomes)
      CHECK(outcome == PushProgress::Outcome::sent);
  }
  SUBCASE("by digest, no tag is put") {
    Watch fourth;
    push(store, warehouse.name("fourth"), image, {}, fourth, {}, true);
    CHECK_FALSE(warehouse.manifests.contains("fourth:1"));
    CHECK(warehouse.manifests.contains("fourth:" + root.digest.text()));
  }
}

TEST_CASE("where a blob cannot be put, no manifest is") {
  Warehouse warehouse;
  warehouse.refuses_blobs = true;
  const TemporaryFolder folder;
  Store store(folder / "store");
  Watch watch;
  CHECK_THROWS_AS(push(store, warehouse.name(), make_image(store, 100'000), {}, watch), Error);
  CHECK(warehouse.manifests.empty());
}
