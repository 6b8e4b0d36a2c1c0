// Builds that are held to what an earlier one took.
#include "../git/git_build.hpp"
#include "../git/git_server.hpp"
#include "../http/file_server.hpp"

#include <cache/images/facts.hpp>
#include <cache/temporary_folder.hpp>
#include <executor/sources/source_lock.hpp>
#include <executor/sources/taken_sources.hpp>
#include <ir/reference.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

using namespace slipway;

namespace {

using Mode = SourceLock::Mode;
using Kind = ResolvedSource::Kind;

std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

ResolvedSource image(const std::string& name, const std::string& digest) {
  ResolvedSource source;
  source.name = name;
  source.reference = "docker.io/library/" + name;
  source.platform = host_platform();
  source.id = sha256("config of " + digest);
  source.digest = sha256(digest);
  source.every_platform = true;
  return source;
}

std::string refusal_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return render(error, false);
  }
  return "it was taken";
}

// Builds with the graph held to the lock, as `slipway build --lock` does.
Steps locked_solve(TestBuild& build, const std::string& dockerfile, const SourceLock& lock) {
  build.change_graph = [&](LoweredPlatforms lowered) { return lock.hold(std::move(lowered)); };
  const Steps ran = build.solve(dockerfile);
  build.change_graph = nullptr;
  return ran;
}

}  // namespace

TEST_CASE("what a solve took is told, also of steps that were hits") {
  FileServer files{.etag = "\"1\"", .modified = {}};
  TestBuild build;
  const std::string user_in_url = "http://user:secret@" + files.server.address() + "/file";
  build.solve(add(user_in_url));
  REQUIRE(build.result.sources.size() == 1);
  const ResolvedSource taken = build.result.sources[0];
  CHECK(taken.kind == Kind::http);
  CHECK(taken.name.find("secret") == std::string::npos);
  CHECK(taken.digest == sha256("content"));
  build.solve(add(user_in_url));
  CHECK(build.result.sources == std::vector{taken});
  // By a checksum of another kind, whose file is in the cache.
  build.solve(add(files.url(), "--checksum=sha512:" +
                                   std::string("b2d1d285b5199c85f988d03649c37e44fd3dde01e5d69c50fef"
                                               "90651962f48110e9340b60d49a479c4c0b53f5f07d690"
                                               "686dd87d2481937a512e8b85ee7c617f")));
  REQUIRE(build.result.sources.size() == 1);
  CHECK(build.result.sources[0].digest == sha256("content"));
}

TEST_CASE("stages that the target does not need are no sources") {
  FileServer files{.etag = {}, .modified = {}};
  TestBuild build;
  build.solve("FROM scratch AS other\nADD " + files.url() +
              " /f\nFROM scratch\nCOPY --from=other "
              "/f /f\nFROM scratch\n");
  CHECK(build.result.sources.empty());
}

TEST_CASE("a commit that was locked is built when its branch has moved") {
  TestBuild build;
  GitServer server;
  ServedRepository repository = server.repository("r");
  repository.write("f", "first\n");
  const std::string first = repository.commit("first");
  const std::string dockerfile = add_git(repository.url() + "#main");
  const std::filesystem::path file = build.context().path() / "slipway.lock";

  locked_solve(build, dockerfile, SourceLock(file, Mode::hold));
  REQUIRE(build.result.sources.size() == 1);
  CHECK(build.result.sources[0].commit == first);
  CHECK(build.result.sources[0].full_ref == "refs/heads/main");
  const auto added = SourceLock(file, Mode::hold).finish(build.result.sources);
  REQUIRE(added.size() == 1);
  CHECK(added[0].is == first);
  const std::string text = text_of(file);

  repository.write("f", "second\n");
  const std::string second = repository.commit("second");
  TestBuild elsewhere;  // without what the first one has fetched
  locked_solve(elsewhere, dockerfile, SourceLock(file, Mode::frozen));
  CHECK(elsewhere.file("f") == "first\n");
  CHECK(SourceLock(file, Mode::frozen).finish(elsewhere.result.sources).empty());

  locked_solve(elsewhere, dockerfile, SourceLock(file, Mode::update));
  CHECK(elsewhere.file("f") == "second\n");
  CHECK(text_of(file) == text);
  const auto moved = SourceLock(file, Mode::update).finish(elsewhere.result.sources);
  REQUIRE(moved.size() == 1);
  CHECK(moved[0].was == first);
  CHECK(moved[0].is == second);
  CHECK(text_of(file).find(second) != std::string::npos);
}

TEST_CASE("a repository that is held has the same .git as the one that was locked") {
  TestBuild build;
  GitServer server;
  ServedRepository repository = server.repository("r");
  repository.write("f", "first\n");
  repository.commit("first");
  const std::string dockerfile = add_git(repository.url() + "#main", "--keep-git-dir=true");
  const std::filesystem::path file = build.context().path() / "slipway.lock";
  locked_solve(build, dockerfile, SourceLock(file, Mode::hold));
  SourceLock(file, Mode::hold).finish(build.result.sources);
  const LayerStack first = build.result.layers;
  const std::string text = text_of(file);
  CHECK(contains(text, "\"full-ref\": \"refs/heads/main\""));

  CHECK(locked_solve(build, dockerfile, SourceLock(file, Mode::hold)).empty());
  CHECK(build.result.layers == first);
  CHECK(SourceLock(file, Mode::hold).finish(build.result.sources).empty());
  CHECK(text_of(file) == text);
}

TEST_CASE("a file that has changed since it was locked is an error that names both digests") {
  FileServer files{.etag = {}, .modified = {}};
  TestBuild build;
  const std::filesystem::path file = build.context().path() / "slipway.lock";
  build.solve(add(files.url()));
  SourceLock(file, Mode::hold).finish(build.result.sources);

  files.content = "changed";
  // The file that was locked is in this store still, and is what was asked for.
  locked_solve(build, add(files.url()), SourceLock(file, Mode::hold));
  CHECK(build.file("f") == "content");

  TestBuild elsewhere;
  const std::string said =
      refusal_of([&] { locked_solve(elsewhere, add(files.url()), SourceLock(file, Mode::hold)); });
  CHECK(contains(said, sha256("content").text()));
  CHECK(contains(said, sha256("changed").text()));
  // The Dockerfile's own checksum is not overruled.
  const std::string both = refusal_of([&] {
    locked_solve(elsewhere, add(files.url(), "--checksum=" + sha256("changed").text()),
                 SourceLock(file, Mode::hold));
  });
  CHECK(contains(both, sha256("content").text()));
  CHECK(contains(both, sha256("changed").text()));
  CHECK(contains(both, "--update-lock"));
  CHECK(contains(both, "Dockerfile:2"));
}

TEST_CASE("frozen, what is not in the file is an error, each at its instruction") {
  TestBuild build;
  const std::filesystem::path file = build.context().path() / "slipway.lock";
  CHECK(contains(refusal_of([&] { SourceLock(file, Mode::frozen); }), "there is no lock file"));
  std::ofstream(file) << write_lock_file({});
  const std::string said = refusal_of([&] {
    locked_solve(build,
                 "FROM scratch\nADD http://example.org/a /\nADD http://example.org/b.git#v1 /b\n",
                 SourceLock(file, Mode::frozen));
  });
  CHECK(contains(said, "Dockerfile:2"));
  CHECK(contains(said, "Dockerfile:3"));
  CHECK(contains(said, "http://example.org/b.git#v1"));
  CHECK(
      contains(refusal_of([&] { SourceLock(file, Mode::frozen).image("debian", host_platform()); }),
               "debian:latest"));
  CHECK(text_of(file) == write_lock_file({}));
}

TEST_CASE("an image is held by its name, however that was written") {
  TestBuild build;
  const std::filesystem::path file = build.context().path() / "slipway.lock";
  SourceLock(file, Mode::hold).finish({image("debian", "one")});
  const SourceLock lock(file, Mode::hold);
  for (const char* name : {"debian", "debian:latest", "docker.io/library/debian"})
    CHECK(lock.image(name, host_platform()).value().digest == sha256("one"));
  // An index is every platform's.
  CHECK(lock.image("debian", parse_platform("linux/s390x")).value().digest == sha256("one"));
  CHECK(!lock.image("debian:bookworm", host_platform()));
}

TEST_CASE("an image that no registry is known to have is held by its ID, for its platform") {
  TestBuild build;
  const std::filesystem::path file = build.context().path() / "slipway.lock";
  ResolvedSource own = image("own", "one");
  own.digest.reset();
  own.every_platform = false;
  SourceLock(file, Mode::hold).finish({own});
  const SourceLock lock(file, Mode::hold);
  CHECK(lock.image("own", host_platform()).value().id == own.id);
  CHECK(!lock.image("own", parse_platform("linux/s390x")));
  // Pushed meanwhile: it is the same image.
  own.digest = sha256("pushed");
  CHECK(lock.finish({own}).empty());
  own.id = sha256("another");
  CHECK(contains(refusal_of([&] { lock.finish({own}); }), "is not what the lock file holds it to"));
}

TEST_CASE("a name that was several images for several platforms has an entry for each") {
  TestBuild build;
  const std::filesystem::path file = build.context().path() / "slipway.lock";
  ResolvedSource arm = image("debian", "arm");
  arm.platform = parse_platform("linux/arm64");
  SourceLock(file, Mode::hold).finish({image("debian", "one"), arm});
  const SourceLock lock(file, Mode::hold);
  CHECK(lock.image("debian", *arm.platform).value().digest == sha256("arm"));
  CHECK(lock.image("debian", host_platform()).value().digest == sha256("one"));
  CHECK(lock.finish({image("debian", "one"), arm}).empty());
}

TEST_CASE("what nothing uses any more goes with an update, and stays until then") {
  TestBuild build;
  const std::filesystem::path file = build.context().path() / "slipway.lock";
  SourceLock(file, Mode::hold).finish({image("a", "1"), image("b", "2")});
  CHECK(SourceLock(file, Mode::hold).finish({image("b", "2"), image("c", "3")}).size() == 1);
  CHECK(read_lock_file(std::make_shared<SourceFile>(SourceFile{"", text_of(file)})).size() == 3);
  const auto changes = SourceLock(file, Mode::update).finish({image("b", "2"), image("c", "4")});
  REQUIRE(changes.size() == 2);
  CHECK(changes[0].name == "a:latest");
  CHECK(!changes[0].is);
  CHECK(changes[1].was == sha256("3").text());
  CHECK(changes[1].is == sha256("4").text());
}

TEST_CASE("what is built is not held to a lock: its own context changes") {
  TestBuild build;
  const std::filesystem::path file = build.context().path() / "slipway.lock";
  ResolvedSource repository;
  repository.kind = Kind::git;
  repository.name = "https://example.org/r.git";
  repository.commit = std::string(40, 'a');
  TakenSources taken;
  taken.add_context({repository}, "");
  CHECK(taken.with({}).size() == 1);
  SourceLock(file, Mode::hold).finish(taken.with({}));
  CHECK(text_of(file) == write_lock_file({}));
  taken.add_context({repository}, "named");
  SourceLock(file, Mode::hold).finish(taken.with({}));
  CHECK(text_of(file).find("https://example.org/r.git") != std::string::npos);
}

TEST_CASE("what the Dockerfile pins by its own digest is not overruled") {
  TestBuild build;
  const std::filesystem::path file = build.context().path() / "slipway.lock";
  const std::string pinned = "debian@" + sha256("one").text();
  LockEntry entry;
  entry.name = locked_name(pinned);
  SUBCASE("by another digest") {
    entry.digest = sha256("two");
  }
  SUBCASE("by an ID") {
    entry.id = sha256("two");
  }
  std::ofstream(file) << write_lock_file({entry});
  for (const Mode mode : {Mode::hold, Mode::frozen}) {
    const SourceLock lock(file, mode);
    const std::string said = refusal_of([&] { lock.image(pinned, host_platform()); });
    CHECK(contains(said, sha256("one").text() + " by its own digest"));
    CHECK(contains(said, sha256("two").text()));
  }
  entry.id.reset();
  entry.digest = sha256("one");
  std::ofstream(file) << write_lock_file({entry});
  CHECK(SourceLock(file, Mode::hold).image(pinned, host_platform()).value().digest ==
        sha256("one"));
}

TEST_CASE("an image that was pulled under another name is held by its ID") {
  TestBuild build;
  Store& store = build.store();
  ImageConfig config;
  config.platform = host_platform();
  const Digest id = store.images().put(write_image_config(config));
  const Reference pulled = parse_reference("debian:bookworm");
  const Reference tagged = parse_reference("base");
  store.image_facts().put_digest(id, pulled, sha256("manifest"));
  const Image image = store.images().find(id).value();
  const auto digest_as = [&](const Reference& name) {
    return image_source(store.image_facts(), image, name.familiar(), name, host_platform(), {})
        .digest;
  };
  CHECK(digest_as(pulled) == sha256("manifest"));
  CHECK(!digest_as(tagged));
  // The same tag of a registry of one's own is another name, too.
  CHECK(!digest_as(parse_reference("registry.example/library/debian:bookworm")));
}

TEST_CASE("what another build has locked meanwhile holds the one that ends later") {
  TestBuild build;
  const std::filesystem::path file = build.context().path() / "slipway.lock";
  const SourceLock slow(file, Mode::hold);
  SourceLock(file, Mode::hold).finish({image("debian", "one")});
  const std::string text = text_of(file);
  CHECK(contains(refusal_of([&] { slow.finish({image("debian", "two")}); }),
                 "is not what the lock file holds it to"));
  CHECK(text_of(file) == text);
  CHECK(slow.finish({image("debian", "one")}).empty());
}

TEST_CASE("builds that end at the same time are all in the file") {
  TestBuild build;
  const std::filesystem::path file = build.context().path() / "slipway.lock";
  constexpr int several = 8;
  std::vector<std::thread> threads;
  for (int i = 0; i < several; ++i)
    threads.emplace_back([&file, i] {
      SourceLock(file, Mode::hold).finish({image("image" + std::to_string(i), "content")});
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(read_lock_file(std::make_shared<SourceFile>(SourceFile{"", text_of(file)})).size() ==
        several);
}

TEST_CASE("an address that was two files in one build cannot be held to either") {
  TestBuild build;
  const std::filesystem::path file = build.context().path() / "slipway.lock";
  ResolvedSource first;
  first.kind = Kind::http;
  first.name = "https://example.org/f";
  first.digest = sha256("first");
  ResolvedSource second = first;
  second.digest = sha256("second");
  const std::string said = refusal_of([&] {
    SourceLock(file, Mode::hold).finish({first, second});
  });
  CHECK(contains(said, "was two different things in this build"));
  CHECK(contains(said, sha256("first").text()));
  CHECK(contains(said, sha256("second").text()));
  CHECK(!std::filesystem::exists(file));
  // Twice the same, by a step and by a named context, is one entry.
  second.digest = first.digest;
  second.use = ResolvedSource::Use::named_context;
  CHECK(SourceLock(file, Mode::hold).finish({first, second}).size() == 1);
}

TEST_CASE("a secret in an address is not in the file, and finds its entry") {
  TestBuild build;
  const std::filesystem::path file = build.context().path() / "slipway.lock";
  ResolvedSource taken;
  taken.kind = Kind::http;
  taken.name = "https://example.org/f?token=the-first-token&part=2";
  taken.digest = sha256("content");
  CHECK(SourceLock(file, Mode::hold).finish({taken}).size() == 1);
  CHECK(text_of(file).find("the-first-token") == std::string::npos);
  CHECK(contains(text_of(file), "part=2"));

  const SourceLock lock(file, Mode::frozen);
  FetchHttp fetch;
  fetch.url = "https://example.org/f?token=the-next-token&part=2";
  CHECK(lock.hold(fetch).checksum == sha256("content").text());
  CHECK(lock.hold(fetch).url == fetch.url);
  fetch.url = "https://example.org/f?token=the-next-token&part=3";
  CHECK(refusal_of([&] { lock.hold(fetch); }).find("the-next-token") == std::string::npos);
}
