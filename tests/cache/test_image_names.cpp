#include "store_fixture.hpp"
#include "temporary_folder.hpp"

#include <cache/database.hpp>
#include <cache/images/facts.hpp>
#include <cache/images/filter.hpp>
#include <cache/images/removal.hpp>
#include <cache/images/store.hpp>
#include <cache/images/time.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace slipway;

namespace {

constexpr std::int64_t now = 1'800'000'000;

struct TestNames {
  TemporaryFolder folder;
  Database database{folder / "slipway.db"};
  ImageStore images{database};
  ImageFacts facts{database};

  Digest put(const std::string& name, const std::string& created,
             const Platform& platform = {"linux", "amd64", ""}) {
    ImageConfig config;
    config.created = created;
    config.platform = platform;
    config.diff_ids = {add_layer(database, name).diff_id};
    config.labels = {{"name", name}};
    return images.put(write_image_config(config));
  }
  ImageFilter filter(const std::vector<std::string>& filters) const {
    return ImageFilter(filters,
                       {"dangling", "label", "label!", "before", "since", "until", "reference"},
                       images, now);
  }
  // The labels of the images that a filter means.
  std::string meant(const std::vector<std::string>& filters) const {
    const ImageFilter filter = this->filter(filters);
    std::string names;
    for (const ImageSummary& image : images.list())
      if (filter.matches(image, images))
        names += images.find(image.id)->config.labels["name"] + " ";
    return names;
  }
};

// The clocks of the test's machine, for its length.
struct Zone {
  explicit Zone(const char* name) {
    ::setenv("TZ", name, 1);
    ::tzset();
  }
  ~Zone() {
    ::unsetenv("TZ");
    ::tzset();
  }
};

}  // namespace

TEST_CASE("a moment is an age, a date, a time with or without a zone, or seconds") {
  const Zone zone("UTC-2");  // two hours east
  const std::vector<std::pair<std::string, std::optional<std::int64_t>>> cases = {
      {"24h", now - 86400},
      {"1h30m", now - 5400},
      {"7d", now - 7 * 86400},
      {"0", 0},
      {"1700000000", 1700000000},
      {"1700000000.5", 1700000000},
      {"2024-05-31", 1717113600 - 7200},
      {"2024-05-31Z", 1717113600},
      {"2024-05-31+02:00", 1717113600 - 7200},
      {"2024-05-31T12", 1717156800 - 7200},
      {"2024-05-31T12Z", 1717156800},
      {"2024-05-31T12:30", 1717158600 - 7200},
      {"2024-05-31T12:30:15", 1717158615 - 7200},
      {"2024-05-31T12:30:15.25", 1717158615 - 7200},
      {"2024-05-31T12:30:15.25Z", 1717158615},
      {"2024-05-31T12:30:15-01:00", 1717158615 + 3600},
      {"", std::nullopt},
      {"yesterday", std::nullopt},
      {"2024-13-01", std::nullopt},
      {"2024-05-31T1", std::nullopt},
      {"12.x", std::nullopt},
      {"99999999999999999999", std::nullopt},
  };
  for (const auto& [text, expected] : cases) {
    CAPTURE(text);
    CHECK(read_moment(text, now) == expected);
  }
}

TEST_CASE("filters narrow, and of references one is enough") {
  TestNames test;
  const Digest a = test.put("a", "2020-01-01T00:00:00Z");
  const Digest b = test.put("b", "2021-01-01T00:00:00Z");
  test.put("c", "2022-01-01T00:00:00Z");
  test.images.tag(parse_reference("app:1"), a);
  test.images.tag(parse_reference("registry.example/team/b"), b);
  CHECK(test.meant({}) == "c b a ");
  CHECK(test.meant({"dangling=true"}) == "c ");
  CHECK(test.meant({"dangling=0"}) == "b a ");
  CHECK(test.meant({"label=name"}) == "c b a ");
  CHECK(test.meant({"label=name=b"}) == "b ");
  CHECK(test.meant({"label!=name=b"}) == "c a ");
  CHECK(test.meant({"label=name!=b"}) == "c a ");
  CHECK(test.meant({"label=name=b", "label=name=a"}) == "");
  CHECK(test.meant({"label!=name"}) == "");
  CHECK(test.meant({" Until = 2021-06-01Z"}) == "b a ");
  CHECK(test.meant({"until=2021-06-01Z", "until=2020-06-01Z"}) == "a ");
  CHECK(test.meant({"since=app:1"}) == "c b ");
  CHECK(test.meant({"before=registry.example/team/b"}) == "a ");
  for (const char* bad : {"dangling=perhaps", "label=", "until=soon", "colour=red", "dangling",
                          "since=nothing", "reference=[a-"})
    CHECK_THROWS_AS((void)test.filter({bad}), Error);

  const auto names = [&](const std::vector<std::string>& filters, const char* name) {
    return test.filter(filters).matches(parse_reference(name));
  };
  CHECK(names({}, "app:1"));
  CHECK(names({"reference=app"}, "app:1"));
  CHECK(names({"reference=app:1"}, "app:1"));
  CHECK(names({"reference=docker.io/library/app"}, "app:1"));
  CHECK(names({"reference=docker.io/library/a*:1"}, "app:1"));
  CHECK(names({"reference=x", "reference=?pp"}, "app:1"));
  CHECK_FALSE(names({"reference=app:2"}, "app:1"));
  CHECK_FALSE(names({"reference=library/app"}, "app:1"));
  CHECK_FALSE(names({"reference=*"}, "team/app:1"));  // no star crosses a "/"
  CHECK(names({"reference=*/*"}, "team/app:1"));
}

TEST_CASE("of an index a label of one of its images counts") {
  TestNames test;
  const Digest index =
      test.images.put_index({test.put("one", "2020-01-01T00:00:00Z"),
                             test.put("two", "2020-01-01T00:00:00Z", {"linux", "arm64", ""})});
  test.images.tag(parse_reference("both"), index);
  const ImageSummary summary = test.images.list().front();
  CHECK(test.filter({"label=name=one"}).matches(summary, test.images));
  CHECK(test.filter({"label=name=two"}).matches(summary, test.images));
  CHECK_FALSE(test.filter({"label=name=three"}).matches(summary, test.images));
}

TEST_CASE("a repository's digest is a name, too, as long as the repository has the image") {
  TestNames test;
  const Digest id = test.put("app", "");
  const Digest manifest = sha256("manifest");
  const Reference pinned = parse_reference("app:1@" + manifest.text());
  test.images.tag(parse_reference("app:1"), id);
  CHECK_FALSE(test.images.find(pinned).has_value());
  test.facts.put_digest(id, parse_reference("app:1"), manifest);
  CHECK(test.images.find(pinned)->id == id);
  CHECK(test.images.resolve("app@" + manifest.text()) == id);
  CHECK_FALSE(test.images.find(parse_reference("other@" + manifest.text())).has_value());
  CHECK(test.facts.forget_digests(id, parse_reference("other")).empty());
  CHECK(test.facts.forget_digests(id, parse_reference("app")).size() == 1);
  CHECK_FALSE(test.images.find(pinned).has_value());

  // It goes with the last tag that the repository has for the image, while the image stays.
  test.facts.put_digest(id, parse_reference("app"), manifest);
  test.images.tag(parse_reference("elsewhere"), id);
  const RemovedImages removed = remove_image(test.images, test.facts, "app:1", false);
  CHECK(removed.untagged.size() == 2);
  CHECK(removed.deleted.empty());
  CHECK(test.facts.digests(id).empty());
}

TEST_CASE("of an image that another process has removed nothing is kept, and that is no failure") {
  TestNames test;
  const Digest id = test.put("app", "");
  const Attachments said{{.manifest = {{"a", "1"}}}, {}};
  const auto put_all = [&] {
    test.facts.put_manifest(id, {"application/vnd.oci.image.manifest.v1+json", "{}"});
    test.facts.put_digest(id, parse_reference("app"), sha256("manifest"));
    test.facts.put_attachments(id, said);
  };
  put_all();
  CHECK(test.facts.manifest(id));
  CHECK(test.facts.digests(id).size() == 1);
  CHECK(test.facts.attachments(id) == said);
  test.images.remove(id);
  put_all();
  CHECK_FALSE(test.facts.manifest(id));
  CHECK(test.facts.digests().empty());
  CHECK(test.facts.attachments(id).empty());
  // Of an index the same is kept as of an image.
  const Digest index =
      test.images.put_index({test.put("one", ""), test.put("other", "", {"linux", "arm64", ""})});
  test.facts.put_digest(index, parse_reference("app"), sha256("index"));
  test.facts.put_attachments(index, said);
  CHECK(test.facts.digests(index).size() == 1);
  CHECK(test.facts.attachments(index) == said);
}

TEST_CASE("what could not be read again becomes no name") {
  TestNames test;
  const Digest id = test.put("app", "");
  for (const char* tag : {"-x", "a/b", "a\x1b[2J", "a b", "", "a@b"}) {
    CAPTURE(tag);
    Reference name = parse_reference("app");
    name.tag = tag;
    CHECK_THROWS_AS(test.images.tag(name, id), Error);
  }
  CHECK(test.images.names(id).empty());
  CHECK(test.images.list().size() == 1);
  // A tag beside a digest is not kept.
  test.images.tag(parse_reference("app:1@" + sha256("manifest").text()), id);
  CHECK(test.images.names(id).size() == 1);
}

TEST_CASE("a name is taken from the image that was meant, and from no other") {
  TestNames test;
  const Digest first = test.put("first", "");
  const Digest second = test.put("second", "");
  const Reference name = parse_reference("app");
  test.images.tag(name, first);
  test.images.tag(name, second);
  CHECK_FALSE(test.images.untag(name, first));
  CHECK(test.images.find(name)->id == second);
  CHECK(test.images.untag(name, second));
  CHECK_FALSE(test.images.find(name).has_value());
}

TEST_CASE("when a name was given is remembered") {
  TestNames test;
  const std::int64_t before = std::time(nullptr);
  const Digest id = test.put("app", "");
  CHECK(test.images.last_tagged(id) == 0);
  test.images.tag(parse_reference("app"), id);
  CHECK(test.images.last_tagged(id) >= before);
}

TEST_CASE("taking an image out of its indexes leaves their names with what they still have") {
  TestNames test;
  const Digest amd64 = test.put("amd64", "");
  const Digest arm64 = test.put("arm64", "", {"linux", "arm64", ""});
  const Digest riscv = test.put("riscv", "", {"linux", "riscv64", ""});
  const Reference all = parse_reference("all");
  const Reference two = parse_reference("two");
  test.images.tag(all, test.images.put_index({amd64, arm64, riscv}));
  test.images.tag(two, test.images.put_index({amd64, arm64}));
  test.images.take_out(arm64);
  CHECK(test.images.platforms(all).size() == 2);
  CHECK(test.images.resolve("two") == amd64);
  CHECK_FALSE(test.images.find(arm64).has_value());
  CHECK(test.images.list().size() == 2);

  // One with a name of its own stays under that.
  test.images.tag(parse_reference("own"), riscv);
  test.images.take_out(riscv);
  CHECK(test.images.resolve("all") == amd64);
  CHECK(test.images.resolve("own") == riscv);
}

TEST_CASE("pruning spares what is used, and what is named meanwhile") {
  TestNames test;
  const Digest used = test.put("used", "");
  const Digest saved = test.put("saved", "");
  const Digest dangling = test.put("dangling", "");
  const Digest named = test.put("named", "");
  test.images.tag(parse_reference("app"), named);
  const ImageFilter everything = test.filter({});
  const ImageUsers in_use = [&](const Digest& id) {
    if (id == saved) test.images.tag(parse_reference("rescue"), id);
    return id == used ? std::vector<ImageUser>{{"c0ffee", false}} : std::vector<ImageUser>();
  };
  const RemovedImages first = prune_images(test.images, test.facts, everything, false, in_use);
  CHECK(first.untagged.empty());
  CHECK(first.deleted == std::vector<Digest>{dangling});
  CHECK(test.images.find(saved).has_value());

  const RemovedImages second = prune_images(test.images, test.facts, everything, true, in_use);
  CHECK(second.untagged.size() == 2);
  CHECK(second.deleted.size() == 2);
  REQUIRE(test.images.list().size() == 1);
  CHECK(test.images.list().front().id == used);
}

TEST_CASE("docker's rules for removing an image that containers have") {
  TestNames test;
  const Digest id = test.put("app", "");
  const Reference name = parse_reference("app:1");
  bool running = false;
  const ImageUsers users = [&](const Digest&) {
    return std::vector<ImageUser>{{"c0ffee0000000", false}, {"decaf00000000", running}};
  };
  const auto message = [&](const std::string& what, bool force) -> std::string {
    try {
      (void)remove_image(test.images, test.facts, what, force, users);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const std::string short_id = id.hex().substr(0, 12);
  test.images.tag(name, id);

  CHECK(message("app:1", false) ==
        "conflict: unable to remove repository reference \"app:1\" (must force) - container "
        "c0ffee000000 is using its referenced image " +
            short_id);
  CHECK(message(short_id, false) ==
        "conflict: unable to delete " + short_id +
            " (must be forced) - image is being used by stopped container c0ffee000000");
  running = true;
  for (const bool force : {false, true})
    CHECK(message(short_id, force) ==
          "conflict: unable to delete " + short_id +
              " (cannot be forced) - image is being used by running container decaf0000000");
  CHECK(test.images.names(id).size() == 1);

  // Of two names each may go, and the image that a running container has stays without one.
  test.images.tag(parse_reference("app:2"), id);
  CHECK(remove_image(test.images, test.facts, "app:2", false, users).untagged.size() == 1);
  const RemovedImages untagged = remove_image(test.images, test.facts, "app:1", true, users);
  CHECK(untagged.untagged.size() == 1);
  CHECK(untagged.deleted.empty());
  CHECK(test.images.find(id).has_value());

  // One that only stopped ones have goes with force.
  running = false;
  test.images.tag(name, id);
  const RemovedImages removed = remove_image(test.images, test.facts, "app:1", true, users);
  CHECK(removed.untagged.size() == 1);
  CHECK(removed.deleted == std::vector<Digest>{id});
}

TEST_CASE("a platform that a running container has is not removed from its image") {
  TestNames test;
  const Digest amd64 = test.put("amd64", "");
  const Digest arm64 = test.put("arm64", "", {"linux", "arm64", ""});
  test.images.tag(parse_reference("all"), test.images.put_index({amd64, arm64}));
  const ImageUsers users = [&](const Digest& id) {
    return id == arm64 ? std::vector<ImageUser>{{"c0ffee", true}} : std::vector<ImageUser>();
  };
  CHECK_THROWS_AS(
      (void)remove_platforms(test.images, test.facts, "all", {{"linux", "arm64", ""}}, users),
      Error);
  CHECK(test.images.platforms(parse_reference("all")).size() == 2);
  CHECK(remove_platforms(test.images, test.facts, "all", {{"linux", "amd64", ""}}, users).deleted ==
        std::vector<Digest>{amd64});
}
