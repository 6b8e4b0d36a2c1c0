#include <executor/attest/build_steps.hpp>
#include <executor/attest/provenance.hpp>
#include <executor/sources/hidden.hpp>

#include <cache/registry/base64.hpp>
#include <frontend/parse.hpp>
#include <ir/error.hpp>
#include <ir/lower.hpp>
#include <ir/reference.hpp>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

using namespace slipway;
using Json = nlohmann::json;

namespace {

const Digest base_id = sha256("the base image's config");
const Digest base_manifest = sha256("the base image's manifest");

struct Build {
  LoweredPlatforms lowered;
  BuildFacts facts;

  explicit Build(const std::string& dockerfile, std::map<std::string, std::string> args = {},
                 std::map<std::string, std::string> labels = {}) {
    const auto file = std::make_shared<const SourceFile>(SourceFile{"Dockerfile", dockerfile});
    ParsedDockerfile parsed = read_dockerfile(file);
    LowerOptions options;
    options.parse_triggers = parse_triggers;
    options.build_platform = options.target_platform = {"linux", "amd64", ""};
    options.build_args = args;
    options.labels = labels;
    lowered = lower_platforms(parsed.dockerfile, options, {options.target_platform},
                              [](const ImageRequest& wanted) {
                                ResolvedImage image;
                                image.reference = parse_reference(wanted.reference).text();
                                image.id = base_id;
                                image.config.platform = wanted.platform;
                                return image;
                              });
    facts.dockerfile = "Dockerfile";
    facts.build_args = std::move(args);
    facts.labels = std::move(labels);
    facts.builder = {"linux", "amd64", ""};
    facts.version = "0.1.0";
    facts.invocation = "invocation";
    facts.started = "2023-11-14T22:13:20Z";
    facts.finished = "2023-11-14T22:13:25Z";
    facts.locals = {"context", "dockerfile"};
    ResolvedSource base;
    base.name = "debian:bookworm";
    base.reference = "docker.io/library/debian:bookworm";
    base.platform = Platform{"linux", "amd64", ""};
    base.id = base_id;
    base.digest = base_manifest;
    facts.sources = {base};
  }

  std::string text(const ProvenanceSpec& spec = {}) const {
    return provenance(spec, facts, lowered.graph, lowered.images.front());
  }
  Json json(const ProvenanceSpec& spec = {}) const { return Json::parse(text(spec)); }
};

ProvenanceSpec mode(ProvenanceSpec::Mode mode) {
  ProvenanceSpec spec;
  spec.mode = mode;
  return spec;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// SLIPWAY_GOLDEN=1 writes the file instead.
void check_golden(const std::string& name, const std::string& text) {
  const std::string path = "cases/" + name;
  if (std::getenv("SLIPWAY_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  CHECK(text == std::string(std::istreambuf_iterator<char>(file), {}));
}

const std::string sample =
    "FROM debian:bookworm AS base\n"
    "ARG VERSION\n"
    "WORKDIR /src\n"
    "COPY --chown=1000 a.c b.c ./\n"
    "ADD https://example.org/tool.tgz /tool.tgz\n"
    "RUN --mount=type=secret,id=key --mount=type=cache,target=/cache --mount=type=ssh \\\n"
    "    make VERSION=$VERSION\n"
    "FROM scratch\n"
    "COPY --from=base /src/out /out\n";

ResolvedSource tool() {
  ResolvedSource source;
  source.kind = ResolvedSource::Kind::http;
  source.name = "https://example.org/tool.tgz";
  source.digest = sha256("the tool");
  return source;
}

}  // namespace

TEST_CASE("the provenance of a build, whole and in short") {
  Build build(sample, {{"VERSION", "1.2"}}, {{"team", "blue"}});
  build.facts.options["target"] = "out";
  build.facts.sources.push_back(tool());
  ProvenanceSpec old = mode(ProvenanceSpec::Mode::min);
  old.version = ProvenanceSpec::Version::v0_2;
  old.builder_id = "https://ci.example/1";
  check_golden("sample.max.json", build.text());
  check_golden("sample.min.json", build.text(mode(ProvenanceSpec::Mode::min)));
  check_golden("sample.v0.2.json", build.text(old));
}

TEST_CASE("provenance has what SLSA asks for") {
  const Json json = Build(sample).json();
  const Json& definition = json["buildDefinition"];
  CHECK(definition["buildType"].get<std::string>().starts_with("https://"));
  CHECK(definition["externalParameters"].is_object());
  CHECK(json["runDetails"]["builder"].contains("id"));
  CHECK(json["runDetails"]["metadata"]["invocationId"] == "invocation");
  for (const Json& material : definition["resolvedDependencies"]) {
    CHECK(material.contains("uri"));
    CHECK(material.contains("digest"));
  }
}

TEST_CASE("in short provenance has no arguments, labels, secrets or steps, and says so") {
  Build build(sample, {{"VERSION", "the-argument"}}, {{"team", "the-label"}});
  const std::string text = build.text(mode(ProvenanceSpec::Mode::min));
  for (const char* part : {"the-argument", "the-label", "buildConfig", "secrets", "make"})
    CHECK_FALSE(has(text, part));
  const Json metadata = Json::parse(text)["runDetails"]["metadata"];
  CHECK(metadata["buildkit_completeness"]["request"] == false);
}

TEST_CASE("secrets are named and not told, whatever way they take") {
  const std::string token = "s3cr3t-t0k3n";
  const std::string password = "hunter2-hunter2";
  const std::string signature = "abcdef0123456789";
  const std::string proxy = "pr0xy-w0rd";
  Build build(
      "FROM debian:bookworm\nARG NPM_TOKEN\nARG MIRROR\n"
      "ENV URL=https://example.org/?t=$NPM_TOKEN\n"
      "RUN --mount=type=secret,id=npm,env=PLAIN echo $NPM_TOKEN\n"
      "COPY a /dir-$NPM_TOKEN/\n"
      "RUN curl https://example.org/" +
          token + "\n",
      {{"NPM_TOKEN", token}, {"MIRROR", "http://user:" + proxy + "@mirror.example/"}},
      {{"api-key", token}, {"note", "token is " + token}});
  build.facts.context = "https://user:" + password + "@git.example/repo.git";
  build.facts.contexts["src"] = "https://example.org/a.tar?X-Amz-Signature=" + signature + "&v=1";
  ResolvedSource git;
  git.kind = ResolvedSource::Kind::git;
  git.use = ResolvedSource::Use::build_context;
  git.name = "https://user:" + password + "@git.example/repo.git";
  git.ref = "main";
  git.commit = std::string(40, 'a');
  build.facts.sources.push_back(git);
  for (const auto which : {ProvenanceSpec::Mode::max, ProvenanceSpec::Mode::min}) {
    const std::string text = build.text(mode(which));
    std::string all = text;
    const Json source = Json::parse(text)["runDetails"]["metadata"]["buildkit_metadata"];
    if (source.contains("source"))
      for (const Json& info : source["source"]["infos"])
        all += decode_base64(info["data"].get<std::string>()).value();
    for (const std::string& value :
         {token, password, signature, proxy, std::string("in-the-text")}) {
      INFO(value);
      CHECK_FALSE(has(all, value));
    }
  }
  const Json json = build.json();
  CHECK(json["runDetails"]["metadata"]["buildkit_completeness"]["request"] == false);
  const Json& external = json["buildDefinition"]["externalParameters"];
  CHECK(external["request"]["args"]["build-arg:NPM_TOKEN"] == "(hidden)");
  CHECK(external["request"]["args"]["label:note"] == "token is (hidden)");
  CHECK(external["request"]["args"]["context:src"] ==
        "https://example.org/a.tar?X-Amz-Signature=xxxxx&v=1");
  CHECK(external["request"]["secrets"] == Json::parse(R"([{"id":"npm","optional":true}])"));
  CHECK(external["configSource"]["uri"] == "https://xxxxx:xxxxx@git.example/repo.git#main");
  CHECK(external["configSource"]["digest"]["sha1"] == std::string(40, 'a'));
}

TEST_CASE("addresses lose names and passwords in any text") {
  const Hidden hidden;
  CHECK(hidden.clean("a https://u:p@h/x 'ssh://me@h' b@c git://h ssh://git@h/r http://h/a@b") ==
        "a https://xxxxx:xxxxx@h/x 'ssh://xxxxx@h' b@c git://h ssh://git@h/r http://h/a@b");
  CHECK(hidden.clean("docker-image://app@sha256:1 oci-layout://dir@sha256:2 ://") ==
        "docker-image://app@sha256:1 oci-layout://dir@sha256:2 ://");
}

TEST_CASE("words that anything may have are not hidden with what they stand for") {
  Hidden hidden;
  CHECK(hidden.named("USE_AUTH", "true") == "(hidden)");
  CHECK(hidden.named("KEY_SIZE", "256") == "(hidden)");
  CHECK(hidden.clean("true 256") == "true 256");
  CHECK(hidden.named("VERSION", "1.2.3") == "1.2.3");
}

TEST_CASE("materials are complete when all that was taken has a digest of its own") {
  Build build("FROM debian:bookworm\nRUN --network=none make\n");
  build.facts.locals.clear();
  const Json metadata = build.json()["runDetails"]["metadata"];
  CHECK(metadata["buildkit_completeness"]["resolvedDependencies"] == true);
  CHECK(metadata["buildkit_hermetic"] == true);

  Build open("FROM debian:bookworm\nRUN make\n");
  open.facts.locals.clear();
  CHECK_FALSE(open.json()["runDetails"]["metadata"].contains("buildkit_hermetic"));

  build.facts.sources.front().digest.reset();  // an image that no registry gave
  const Json local = build.json();
  CHECK(local["runDetails"]["metadata"]["buildkit_completeness"]["resolvedDependencies"] == false);
  const Json& material = local["buildDefinition"]["resolvedDependencies"][0];
  CHECK_FALSE(material.contains("digest"));
  CHECK(material["annotations"]["slipway.imageId"] == base_id.text());

  ProvenanceSpec strict;
  strict.complete_materials = true;
  CHECK_THROWS_AS(build.text(strict), Error);
  CHECK_THROWS_AS(Build(sample).text(strict), Error);
  build.facts.sources.front().digest = base_manifest;
  CHECK_NOTHROW(build.text(strict));
}

TEST_CASE("what secret variables of ENV and of addresses hold is hidden wherever it stands") {
  Build build(
      "FROM debian:bookworm\n"
      "WORKDIR /early-s3cr3t-t0k3n\n"
      "ENV NPM_TOKEN=s3cr3t-t0k3n\n"
      "ENV URL=https://example.org/?t=$NPM_TOKEN\n"
      "WORKDIR /x-$NPM_TOKEN\n"
      "ADD https://me:hunter2-hunter2@example.org/a /a\n"
      "RUN curl -u me:hunter2-hunter2 https://example.org/b\n"
      "FROM scratch\n"
      "ENV API_KEY=an0ther-key\n"
      "COPY --from=0 /a /an0ther-key\n",
      {{"http_proxy", "bob:pr0xy-w0rd@proxy.example:3128"}, {"note", "pr0xy-w0rd"}});
  const std::string text = build.text();
  std::string all = text;
  const Json json = Json::parse(text);
  for (const Json& info : json["runDetails"]["metadata"]["buildkit_metadata"]["source"]["infos"])
    all += decode_base64(info["data"].get<std::string>()).value();
  for (const char* value : {"s3cr3t-t0k3n", "hunter2-hunter2", "pr0xy-w0rd", "an0ther-key"}) {
    INFO(value);
    CHECK_FALSE(has(all, value));
  }
  const Json& request = json["buildDefinition"]["externalParameters"]["request"];
  CHECK(request["args"]["build-arg:http_proxy"] == "xxxxx:xxxxx@proxy.example:3128");
}

TEST_CASE("a short secret takes nothing out of digests") {
  const std::string part = base_manifest.hex().substr(10, 4);
  Build build("FROM debian:bookworm\nRUN make\n", {{"PIN_TOKEN", part}, {"note", "is " + part}});
  const Json definition = build.json()["buildDefinition"];
  CHECK(definition["resolvedDependencies"][0]["digest"]["sha256"] == base_manifest.hex());
  CHECK(definition["externalParameters"]["request"]["args"]["build-arg:note"] == "is (hidden)");
}

TEST_CASE("files and commits of other platforms are no materials of this one") {
  Build build("FROM debian:bookworm\nADD https://example.org/tool.tgz /\n");
  build.facts.sources.push_back(tool());
  ResolvedSource other = tool();
  other.name = "https://example.org/tool-arm64.tgz";
  build.facts.sources.push_back(other);
  ResolvedSource git;
  git.kind = ResolvedSource::Kind::git;
  git.name = "https://example.org/repo.git";
  git.commit = std::string(40, 'a');
  build.facts.sources.push_back(git);
  const auto count = [&] { return build.json()["buildDefinition"]["resolvedDependencies"].size(); };
  CHECK(count() == 2);
  build.facts.sources.back().use = ResolvedSource::Use::named_context;
  CHECK(count() == 3);
}

TEST_CASE("images of other platforms are no materials of this one") {
  Build build("FROM debian:bookworm\nRUN make\n");
  ResolvedSource other = build.facts.sources.front();
  other.platform = Platform{"linux", "arm64", ""};
  other.id = sha256("another config");
  build.facts.sources.push_back(other);
  CHECK(build.json()["buildDefinition"]["resolvedDependencies"].size() == 1);
}

TEST_CASE("the same build has the same provenance") {
  CHECK(Build(sample).text() == Build(sample).text());
  Build timeless(sample);
  timeless.facts.invocation.clear();
  timeless.facts.started.clear();
  timeless.facts.finished.clear();
  const Json metadata = timeless.json()["runDetails"]["metadata"];
  for (const char* member : {"invocationId", "startedOn", "finishedOn"})
    CHECK_FALSE(metadata.contains(member));
}

TEST_CASE("package URLs of images") {
  const auto uri = [](const std::string& reference) {
    Build build("FROM debian:bookworm\nRUN make\n");
    build.facts.sources.front().reference = reference;
    return build.json()["buildDefinition"]["resolvedDependencies"][0]["uri"].get<std::string>();
  };
  CHECK(uri("docker.io/library/debian:bookworm") ==
        "pkg:docker/debian@bookworm?platform=linux%2Famd64");
  CHECK(uri("registry.example:5000/team/app:1") ==
        "pkg:docker/registry.example:5000/team/app@1?platform=linux%2Famd64");
  const std::string digest = base_manifest.text();
  CHECK(uri("docker.io/library/debian@" + digest) ==
        "pkg:docker/debian?digest=" + digest + "&platform=linux%2Famd64");
  CHECK(uri("oci-layout://base:1") == "pkg:oci/base@1?platform=linux%2Famd64");
  CHECK(uri("oci-layout://base@" + digest) ==
        "pkg:oci/base?digest=" + digest + "&platform=linux%2Famd64");
}
