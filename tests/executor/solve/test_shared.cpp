// Builds of several machines that share a cache: here, a directory.
#include "test_build.hpp"

#include <cache/shared/shared_caches.hpp>

#include <cstdlib>
#include <cache/shared/transport.hpp>

#include <atomic>
#include <chrono>
#include <thread>

using namespace slipway;

namespace {

using Outcome = VertexReport::Outcome;

// A machine with a store, a context and a toolchain of its own.
struct Machine : TestBuild {
  explicit Machine(const std::filesystem::path& directory, bool reads = true, bool writes = true)
      : directory_(directory), reads_(reads), writes_(writes) {
    context().write("app.c", "int main() {}");
    runner.on("prepare", [](FakeStep& step) {
      step.write("/usr/lib/libc", std::string(100'000, 'c'));
      return 0;
    });
    runner.on("cc app.c", [](FakeStep& step) {
      step.write("/app.o", "object");
      step.write("/app", step.read("/app.c").value_or("nothing") + " compiled");
      return 0;
    });
    runner.on("strip /app", [](FakeStep& step) {
      step.write("/app", step.read("/app").value_or("nothing") + " stripped");
      return 0;
    });
  }

  Steps build(const std::string& dockerfile, const TestBuildOptions& options = {}) {
    SharedCacheOptions caches;
    if (reads_) caches.from.push_back(spec("src"));
    if (writes_) caches.to.push_back(spec("dest"));
    caches.note = [this](const Diagnostic& note) {
      const std::lock_guard lock(mutex_);
      notes.push_back(note.message);
    };
    SharedCaches opened(store(), caches, open);
    shared = &opened;
    Steps ran;
    try {
      ran = solve(dockerfile, options);
    } catch (const Error&) {
      opened.finish([] { return false; });
      throw;
    }
    opened.finish([] { return false; });
    figures = opened.figures();
    shared = nullptr;
    return ran;
  }

  void reads(bool wanted) { reads_ = wanted; }

  std::size_t hits() const {
    return static_cast<std::size_t>(
        std::count_if(result.reports.begin(), result.reports.end(),
                      [](const VertexReport& report) { return report.outcome == Outcome::hit; }));
  }
  std::size_t layers_here() {
    std::size_t here = 0;
    for (const LayerRef& layer : result.layers)
      here += store().layers().find(layer.diff_id) ? 1 : 0;
    return here;
  }

  SharedCaches::Figures figures;
  std::vector<std::string> notes;
  SharedCaches::OpenTransport open = open_transport;

 private:
  CacheSpec spec(const std::string& attribute) const {
    return {"local", {{attribute, directory_.string()}}, "type=local"};
  }

  std::filesystem::path directory_;
  bool reads_;
  bool writes_;
  std::mutex mutex_;  // guards notes, which any thread of the caches adds to
};

void damage_every_file(const std::filesystem::path& directory) {
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
    if (!file.is_regular_file() || file.file_size() == 0) continue;
    std::fstream stream(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(file.file_size() / 2));
    stream.put('\x7f');
  }
}

// In all records, whose documents are text.
void replace_in_records(const std::filesystem::path& directory, const std::string& from,
                        const std::string& to) {
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory / "records")) {
    if (!file.is_regular_file()) continue;
    std::ifstream stream(file.path());
    std::string text(std::istreambuf_iterator<char>(stream), {});
    stream.close();
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    std::ofstream(file.path()) << text.replace(at, from.size(), to);
  }
}

// A cache that begins no answer for a blob, until it is told that nobody waits.
class StallingTransport : public CacheTransport {
 public:
  StallingTransport(std::unique_ptr<CacheTransport> inner, std::function<void()> asked,
                    std::function<bool()> cancelled)
      : inner_(std::move(inner)), asked_(std::move(asked)), cancelled_(std::move(cancelled)) {}
  std::string name() const override { return inner_->name(); }
  std::optional<std::string> record(const Digest& key) override { return inner_->record(key); }
  void put_record(const Digest& key, std::string_view bytes,
                  const std::vector<SharedBlob>& blobs) override {
    inner_->put_record(key, bytes, blobs);
  }
  bool has_blob(const SharedBlob& blob) override { return inner_->has_blob(blob); }
  bool blob(const SharedBlob&, const ByteSink&) override {
    asked_();
    while (!cancelled_()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    throw Error("interrupted");
  }
  void put_blob(const SharedBlob& blob, const std::filesystem::path& file) override {
    inner_->put_blob(blob, file);
  }

 private:
  std::unique_ptr<CacheTransport> inner_;
  std::function<void()> asked_;
  std::function<bool()> cancelled_;
};

SharedCaches::OpenTransport stalling(std::function<void()> asked) {
  return [asked](const CacheSpec& spec, bool write, std::function<bool()> cancelled,
                 std::chrono::milliseconds patience) -> std::unique_ptr<CacheTransport> {
    return std::make_unique<StallingTransport>(open_transport(spec, write, cancelled, patience),
                                               asked, cancelled);
  };
}

const std::string dockerfile =
    "FROM scratch AS build\nRUN prepare\nCOPY app.c /\nRUN cc app.c\n"
    "FROM scratch\nCOPY --from=build /app /\n";

}  // namespace

TEST_CASE("what one machine has built, the other takes from the shared cache") {
  const TemporaryFolder folder;
  Machine first(folder.path());
  CHECK(first.build(dockerfile).size() == 4);
  CHECK(first.figures.records_sent == 4);
  CHECK(first.notes.empty());

  Machine second(folder.path());
  CHECK(second.build(dockerfile).empty());
  CHECK(second.hits() == 4);
  CHECK(second.figures.records_found == 4);
  CHECK(second.figures.records_sent == 0);
  CHECK(second.result.layers == first.result.layers);
  CHECK(second.result.created == first.result.created);
  CHECK(second.file("app") == "int main() {} compiled");
  CHECK(second.runner.ran().empty());

  SUBCASE("and has them itself from then on") {
    CHECK(second.build(dockerfile).empty());
    // Those of the build stage stayed where they were: nobody needed them.
    CHECK(second.figures.records_found == 3);
  }
  SUBCASE("what stayed there is missed when nobody asks there, and it says so") {
    second.reads(false);
    CHECK(second.build(dockerfile) == Steps{"RUN prepare", "COPY app.c /", "RUN cc app.c"});
    CHECK(second.reason("RUN prepare") ==
          "its files are not in the store: lost, or left in a shared cache");
  }
  SUBCASE("an edit runs what it must, and on top of what the cache has") {
    second.context().write("app.c", "int main() { return 1; }");
    CHECK(second.build(dockerfile) ==
          Steps{"COPY app.c /", "RUN cc app.c", "COPY --from=build /app /"});
    CHECK(second.reason("COPY app.c /") == "app.c: content");
    CHECK(second.file("app") == "int main() { return 1; } compiled");
    CHECK(first.file("app") == "int main() {} compiled");
  }
}

TEST_CASE("no layer is moved that nobody needs") {
  const TemporaryFolder folder;
  Machine first(folder.path());
  first.build(dockerfile);

  Machine second(folder.path());
  second.bring_layers = false;
  CHECK(second.build(dockerfile).empty());
  CHECK(second.layers_here() == 0);
  // Four records, and the indexes that COPY looks into: not a megabyte, nor the layers' 100 kB.
  CHECK(second.figures.bytes_received < 20'000);
}

TEST_CASE("a failed build shares the steps that were finished") {
  const TemporaryFolder folder;
  const std::string failing = "FROM scratch\nRUN prepare\nRUN false\n";
  Machine first(folder.path());
  CHECK_THROWS(first.build(failing));
  Machine second(folder.path());
  CHECK_THROWS(second.build(failing));
  CHECK(second.runner.ran() == Steps{"false"});
}

TEST_CASE("steps that this machine has already are offered to a cache that lacks them") {
  const TemporaryFolder folder;
  Machine first(folder.path() / "one");
  first.build(dockerfile);
  SharedCacheOptions other;
  other.to.push_back({"local", {{"dest", (folder.path() / "other").string()}}, "type=local"});
  SharedCaches caches(first.store(), other);
  first.shared = &caches;
  CHECK(first.solve(dockerfile).empty());
  caches.finish([] { return false; });
  CHECK(caches.figures().records_sent == 4);

  Machine second(folder.path() / "other");
  CHECK(second.build(dockerfile).empty());
}

TEST_CASE("a cache that lies, or has lost its layers, fails no build") {
  const TemporaryFolder folder;
  Machine first(folder.path(), true, true);
  first.build(dockerfile);
  Machine second(folder.path(), true, false);

  SUBCASE("everything is damaged") {
    damage_every_file(folder.path());
    CHECK(second.build(dockerfile).size() == 4);
    CHECK(second.notes.size() == 1);
  }
  SUBCASE("records without their blobs") {
    std::filesystem::remove_all(folder.path() / "blobs");
    CHECK(second.build(dockerfile).size() == 4);
  }
  SUBCASE("blobs that are damaged") {
    damage_every_file(folder.path() / "blobs");
    CHECK(second.build(dockerfile).size() == 4);
    CHECK(second.notes.size() == 1);
  }
  SUBCASE("the records of other keys") {
    std::vector<std::filesystem::path> records;
    for (const auto& file :
         std::filesystem::recursive_directory_iterator(folder.path() / "records"))
      if (file.is_regular_file()) records.push_back(file.path());
    REQUIRE(records.size() == 4);
    const auto aside = folder.path() / "elsewhere";
    std::filesystem::rename(records[0], aside);
    for (std::size_t i = 1; i < 4; ++i) std::filesystem::rename(records[i], records[i - 1]);
    std::filesystem::rename(aside, records[3]);
    CHECK(second.build(dockerfile).size() == 4);
    CHECK(second.notes.size() == 1);
  }
  CHECK(second.file("app") == "int main() {} compiled");
  CHECK(second.result.layers.back().tree == first.result.layers.back().tree);
}

TEST_CASE("what came without a signature is signed by nobody later") {
  const TemporaryFolder folder;
  const std::string key = (folder.path() / "key.pem").string();
  REQUIRE(std::system(("openssl genpkey -algorithm ed25519 -out " + key + " 2> /dev/null").c_str()) ==
          0);
  Machine stranger(folder.path() / "open");
  stranger.build(dockerfile);
  Machine ours(folder.path() / "open", true, false);
  CHECK(ours.build(dockerfile).empty());

  SharedCacheOptions signed_cache;
  signed_cache.to.push_back(
      {"local", {{"dest", (folder.path() / "signed").string()}}, "type=local"});
  signed_cache.sign = key;
  SharedCaches caches(ours.store(), signed_cache);
  ours.shared = &caches;
  // Only the steps whose files did not come: they are made here now.
  const std::size_t made = ours.solve(dockerfile).size();
  caches.finish([] { return false; });
  CHECK(made == 3);
  CHECK(caches.figures().records_sent == made);
}

TEST_CASE("a step with --no-cache asks no shared cache") {
  const TemporaryFolder folder;
  Machine first(folder.path());
  first.build(dockerfile);
  Machine second(folder.path());
  TestBuildOptions options;
  options.no_cache = true;
  CHECK(second.build(dockerfile, options).size() == 4);
  CHECK(second.figures.records_found == 0);
}

TEST_CASE("a RUN that stands on a copied layer waits for what is elsewhere") {
  const TemporaryFolder folder;
  const std::string longer =
      "FROM scratch\nRUN prepare\nCOPY app.c /\nRUN cc app.c\n"
      "RUN strip /app\n";
  Machine first(folder.path());
  first.build(longer);
  Machine second(folder.path());
  second.context().write("app.c", "other");
  CHECK(second.build(longer) == Steps{"COPY app.c /", "RUN cc app.c", "RUN strip /app"});
  CHECK(second.file("app") == "other compiled stripped");
}

TEST_CASE("a record that says other things of a layer than are true gives no hit") {
  const TemporaryFolder folder;
  const std::string one = "FROM scratch\nCOPY app.c /\n";
  const std::string same_layer = "FROM scratch\nCOPY --chmod=0644 app.c /\n";
  const std::string other = "FROM scratch\nCOPY evil.c /app.c\n";
  const auto give_files = [](Machine& machine) {
    machine.context().write("evil.c", "int main() { steal(); }");
    for (const char* name : {"app.c", "evil.c"})
      std::filesystem::last_write_time(machine.context().path() / name, {});
    machine.bring_layers = false;
  };
  Machine first(folder.path());
  give_files(first);
  first.build(one);
  const LayerRef layer = first.result.layers.front();
  Machine second(folder.path(), true, false);
  give_files(second);
  Machine third(folder.path() / "nothing", false, false);
  give_files(third);
  third.solve(other);
  const LayerRef forged = third.result.layers.front();

  SUBCASE("that layer is here, and the record says that it has other files") {
    replace_in_records(folder.path(), layer.tree.text(), forged.tree.text());
    second.solve(same_layer);
    CHECK(second.build(one) == Steps{"COPY app.c /"});
  }
  SUBCASE("another layer is here, and the record says that it has these files") {
    replace_in_records(folder.path(), layer.diff_id.text(), forged.diff_id.text());
    second.solve(other);
    CHECK(second.build(one) == Steps{"COPY app.c /"});
  }
  SUBCASE("that layer comes by another way, after the record was kept without it") {
    replace_in_records(folder.path(), layer.tree.text(), forged.tree.text());
    CHECK(second.build(one).empty());  // nobody has looked at the layer
    second.solve(same_layer);
    CHECK(second.solve(one) == Steps{"COPY app.c /"});
  }
  SUBCASE("the other layer comes, after the record was kept without it") {
    replace_in_records(folder.path(), layer.diff_id.text(), forged.diff_id.text());
    CHECK(second.build(one).empty());
    second.solve(other);
    CHECK(second.solve(one) == Steps{"COPY app.c /"});
  }
  CHECK(second.result.layers.front() == layer);
  CHECK(second.file("app.c") == "int main() {}");
}

TEST_CASE("a layer that nobody waits for any more holds no build up") {
  const TemporaryFolder folder;
  Machine first(folder.path());
  first.build("FROM scratch\nRUN prepare\n");
  Machine second(folder.path(), true, false);
  std::atomic<bool> asked = false;
  const auto began = std::chrono::steady_clock::now();

  SUBCASE("another step fails") {
    second.open = stalling([&] { asked = true; });
    second.runner.on("fail", [&](FakeStep&) {
      for (int i = 0; i < 1000 && !asked; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      return 1;
    });
    CHECK_THROWS_WITH_AS(second.build("FROM scratch AS other\nRUN prepare\n"
                                      "FROM scratch AS looks\nCOPY --from=other /usr /\n"
                                      "FROM scratch\nRUN fail\nCOPY --from=looks / /\n"),
                         doctest::Contains("fail"), Error);
    // That the layer was not got in the end is no reason to begin again.
    CHECK(second.runner.ran() == Steps{"fail"});
  }
  SUBCASE("the user has enough") {
    second.open = stalling([&] {
      asked = true;
      cancel_solve();
    });
    CHECK_THROWS_WITH_AS(second.build("FROM scratch\nRUN prepare\n"),
                         "the build was interrupted", Error);
    CHECK(second.runner.ran().empty());
  }
  CHECK(asked);
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(5));  // half the patience
  CHECK(second.notes.empty());
}
