// Images that are built on one base and moved onto another: either what a build there gives, or an
// error that says why not.
#include "../solve/test_build.hpp"

#include <executor/rebase/rebase.hpp>
#include <executor/solve/image.hpp>

using namespace slipway;

namespace {

// A store with two bases that differ in a file, and what is built on them.
struct Bases {
  TestBuild build;

  Bases() {
    build.context().write("one", "1");
    build.context().write("two", "2");
    build.context().write("app", "app");
    build.context().write("dir/inner", "inner");
    build.runner.on("make", [](FakeStep& step) {
      step.write("/made", "made");
      return 0;
    });
  }

  Image make(const std::string& name, const std::string& dockerfile) {
    build.solve(dockerfile);
    const ImageConfig config =
        finish_config(build.lowered->images[0].config, build.result.roots[0]);
    const Digest id = build.store().images().put(write_image_config(config));
    build.store().images().tag(parse_reference(name), id);
    return build.store().images().find(id).value();
  }

  void bases(const std::string& first = "", const std::string& second = "") {
    make("base:1", "FROM scratch\nCOPY one /etc/release\n" + first);
    make("base:2", "FROM scratch\nCOPY two /etc/release\n" + second);
  }

  // What becomes of an image with these instructions; "same": what a build on the new base gives,
  // byte for byte.
  std::string moved(const std::string& instructions) {
    const Image image = make("app:1", "FROM base:1\n" + instructions);
    std::string config;
    try {
      config = rebase(build.store(), image, build.store().images().get("base:1"),
                      build.store().images().get("base:2"));
    } catch (const Error& error) {
      return render(error, false);
    }
    const Image built = make("app:2", "FROM base:2\n" + instructions);
    if (built.config_json == config) return "same";
    // A layer that was moved may be older than one that is built now.
    const ImageConfig read = read_image_config(config);
    const auto trees = [&](const ImageConfig& of) {
      std::vector<TreeDigest> all;
      for (const DiffId& id : of.diff_ids) all.push_back(build.store().layers().find(id)->tree);
      return all;
    };
    return trees(read) == trees(built.config) ? "same files" : "another image";
  }
};

bool contains(const std::string& text, std::string_view part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("an image of COPY --link alone is, on another base, what a build there gives") {
  Bases all;
  all.bases("ENV BASE=first\nCMD [\"one\"]\nLABEL base=1 only=1\n", "CMD [\"two\"]\nLABEL base=2\n");
  CHECK(all.moved("COPY --link app /app\n") == "same");
  CHECK(all.moved("ENV OWN=x\nCOPY --link app /app\nCOPY --link dir /usr/dir/\nLABEL own=1\n"
                  "EXPOSE 80\nVOLUME /data\nUSER 7\n") == "same");
  CHECK(all.moved("COPY --link app /app\nENTRYPOINT [\"/app\"]\n") == "same");
  CHECK(all.moved("COPY --link app /app\nENTRYPOINT [\"/app\"]\nCMD [\"-h\"]\n") == "same");
  CHECK(all.moved("LABEL only=metadata\n") == "same");
}

TEST_CASE("a RUN is never moved, and all reasons are told") {
  Bases all;
  all.bases();
  const std::string text = all.moved("COPY --link app /app\nRUN make\nRUN make\n");
  CHECK(contains(text, "RUN /bin/sh -c make"));
  CHECK(text.find("a RUN may depend on anything") != text.rfind("a RUN may depend on anything"));
  CHECK(contains(text, "hint: build it again"));
}

TEST_CASE("a COPY without --link moves where both bases have the same at its destination") {
  Bases all;
  all.bases("COPY one /opt/one\n", "COPY two /opt/one\n");
  CHECK(contains(all.moved("COPY app /app\n"), "same"));
  CHECK(contains(all.moved("COPY app /opt/\n"), "same"));
  CHECK(contains(all.moved("COPY app /opt/one\n"), "same"));  // a file in the place of a file
  CHECK(contains(all.moved("WORKDIR /srv/app\nCOPY app .\n"), "same"));
  // What an own layer has made is the same on both.
  CHECK(contains(all.moved("COPY --link dir /own/\nCOPY app /own/\n"), "same"));
}

TEST_CASE("a COPY whose destination is not the same in both bases stays") {
  Bases all;
  SUBCASE("a directory in one alone") {
    all.bases("COPY dir /opt/\n");
    CHECK(contains(all.moved("COPY app /opt/\n"), "not the same in both bases"));
    CHECK(contains(all.moved("COPY app /opt\n"), "not the same in both bases"));
    CHECK(contains(all.moved("WORKDIR /opt\n"), "not the same in both bases"));
  }
  SUBCASE("a directory with another mode") {
    all.bases("COPY --chmod=755 dir /opt/\n", "COPY --chmod=700 dir /opt/\n");
    CHECK(contains(all.moved("COPY app /opt/\n"), "not the same in both bases"));
  }
  SUBCASE("a link") {
    all.build.runner.on("link", [](FakeStep& step) {
      step.symlink("usr", "/opt");
      return 0;
    });
    all.bases("COPY dir /opt/\n", "RUN link\nCOPY dir /usr/\n");
    CHECK(contains(all.moved("COPY app /opt/app\n"), "not the same in both bases"));
    CHECK(contains(all.moved("COPY --link app /opt/app\n"), "same"));
  }
}

TEST_CASE("files that are given to a name need the same names in both bases") {
  Bases all;
  all.build.context().write("users1", "www:x:33:33::/:\n");
  all.build.context().write("users2", "www:x:44:44::/:\n");
  SUBCASE("the same") {
    all.bases("COPY users1 /etc/passwd\n", "COPY users1 /etc/passwd\n");
    CHECK(contains(all.moved("COPY --chown=www app /app\n"), "same"));
  }
  SUBCASE("others") {
    all.bases("COPY users1 /etc/passwd\n", "COPY users2 /etc/passwd\n");
    CHECK(contains(all.moved("COPY --chown=www app /app\n"), "/etc/passwd"));
    CHECK(contains(all.moved("COPY --chown=33 app /app\n"), "same"));
  }
}

TEST_CASE("what may be made of a value of the old base stays") {
  Bases all;
  SUBCASE("a variable") {
    all.bases("ENV PATH=/one/bin HOME_OF=/one\n", "ENV PATH=/two/bin HOME_OF=/two\n");
    CHECK(contains(all.moved("ENV PATH=/opt/bin:$PATH\n"), "variable PATH"));
    CHECK(contains(all.moved("COPY --link app $HOME_OF/app\n"), "may come from"));
    CHECK(contains(all.moved("COPY app $HOME_OF/app\n"), "may come from"));
    CHECK(contains(all.moved("ENV OWN=fine\nCOPY --link app /app\n"), "same"));
  }
  SUBCASE("the working directory") {
    all.bases("WORKDIR /one\n", "WORKDIR /two\n");
    CHECK(contains(all.moved("WORKDIR deeper\n"), "may"));
    CHECK(contains(all.moved("COPY app here\n"), "may come from"));
  }
  SUBCASE("triggers") {
    all.bases("ONBUILD COPY app /triggered\n");
    CHECK(contains(all.moved("COPY --link app /app\n"), "ONBUILD"));
  }
}

TEST_CASE("without records the history of an image counts, where BuildKit wrote it") {
  Bases all;
  all.bases();
  // An image as it comes from elsewhere: its layers are here, and no record of a step.
  const Image image = all.make("app:1", "FROM base:1\nWORKDIR /srv\nCOPY app .\nCOPY app /x/\n");
  const auto says = [&](const std::function<void(ImageConfig&)>& change) {
    TestBuild& build = all.build;
    ImageConfig config = image.config;
    change(config);
    const Digest id = build.store().images().put(write_image_config(config));
    try {
      rebase(build.store(), build.store().images().find(id).value(),
             build.store().images().get("base:1"), build.store().images().get("base:2"));
    } catch (const Error& error) {
      return render(error, false);
    }
    return std::string("moved");
  };
  CHECK(says([](ImageConfig&) {}) == "moved");
  CHECK(contains(says([](ImageConfig& config) {
                   config.history.back().created_by = "/bin/sh -c #(nop) COPY file:1 in / ";
                 }),
                 "nothing is known of how it was made"));
  CHECK(contains(says([](ImageConfig& config) { config.history.back().empty_layer = true; }),
                 "history tells of"));
  CHECK(contains(says([](ImageConfig& config) { config.history.front().created_by = "other"; }),
                 "does not begin with"));
}

TEST_CASE(
    "the base is the one image that an image begins with, and named where there are several") {
  Bases all;
  all.bases();
  Store& store = all.build.store();
  const Image app = all.make("app:1", "FROM base:1\nCOPY --link app /app\nLABEL more=1\n");
  CHECK(find_base(store, app).id == store.images().get("base:1").id);

  const Image middle = all.make("middle:1", "FROM base:1\nCOPY --link app /app\n");
  const auto said = [&] {
    try {
      find_base(store, app);
    } catch (const Error& error) {
      return render(error, false);
    }
    return std::string("found");
  };
  CHECK(contains(said(), "middle:1"));
  CHECK(contains(said(), "--from"));
  // What an earlier build has left without a name does not count.
  store.images().untag(parse_reference("middle:1"));
  CHECK(find_base(store, app).id == store.images().get("base:1").id);
  const Image alone = all.make("alone:1", "FROM scratch\nCOPY dir /dir\n");
  CHECK_THROWS_AS(find_base(store, alone), Error);
}

TEST_CASE("an image from scratch can be put onto a base") {
  Bases all;
  all.bases("ENV BASE=1\n");
  Store& store = all.build.store();
  const Image app = all.make("app:1", "FROM scratch\nCOPY --link app /app\n");
  const std::string config =
      rebase(store, app, scratch_image(app.config.platform), store.images().get("base:1"));
  CHECK(config == all.make("app:2", "FROM base:1\nCOPY --link app /app\n").config_json);
}
