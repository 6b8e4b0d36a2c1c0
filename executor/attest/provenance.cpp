#include <executor/attest/build_steps.hpp>
#include <executor/attest/provenance.hpp>

#include <cache/archive/attestation.hpp>
#include <executor/attest/clean_json.hpp>
#include <ir/error.hpp>
#include <ir/reference.hpp>
#include <ir/remote_source.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>
#include <variant>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

// The members below are as this page defines them, so who reads BuildKit's provenance reads this.
constexpr const char* build_type_v1 =
    "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md";
constexpr const char* build_type_v02 = "https://mobyproject.org/buildkit@v1";

// purl-spec, "Rules for each purl component": ':' never is encoded.
std::string encoded(std::string_view text) {
  return percent_encoded(text, ":");
}

// "pkg:docker/debian@bookworm?platform=linux%2Famd64"
std::string image_purl(const ResolvedSource& source) {
  const bool layout = source.reference.starts_with("oci-layout://");
  std::string name = layout ? source.reference.substr(13) : source.reference;
  std::string version;
  std::string digest;
  if (layout) {
    if (const std::size_t at = name.rfind('@'); at != name.npos) {
      digest = name.substr(at + 1);
      name.resize(at);
    }
    if (const std::size_t colon = name.rfind(':');
        colon != name.npos && name.find('/', colon) == name.npos) {
      version = name.substr(colon + 1);
      name.resize(colon);
    }
  } else {
    const Reference reference = parse_reference(source.reference);
    Reference bare = reference;
    bare.digest.reset();
    version = bare.tag;
    bare.tag.clear();
    name = bare.familiar();
    if (reference.digest) digest = reference.digest->text();
  }
  std::string url = layout ? "pkg:oci/" : "pkg:docker/";
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t slash = std::min(name.find('/', start), name.size());
    url += encoded(name.substr(start, slash - start)) + (slash < name.size() ? "/" : "");
    start = slash + 1;
  }
  if (!version.empty()) url += "@" + encoded(version);
  char mark = '?';
  if (!digest.empty()) {
    url += mark + ("digest=" + encoded(digest));
    mark = '&';
  }
  if (source.platform) url += mark + ("platform=" + encoded(source.platform->text()));
  return url;
}

Json commit_digest(const std::string& commit) {
  return {{commit.size() == 64 ? "sha256" : "sha1", commit}};
}

std::string git_uri(const ResolvedSource& source, Hidden& hidden) {
  std::string uri = hidden.url(source.name);
  if (!source.ref.empty() || !source.subdir.empty()) uri += "#" + source.ref;
  if (!source.subdir.empty()) uri += ":" + source.subdir;
  return uri;
}

// A material, and whether its digest says what it was.
Json material(const ResolvedSource& source, Hidden& hidden, bool& complete) {
  Json json;
  switch (source.kind) {
    case ResolvedSource::Kind::image:
      json["uri"] = image_purl(source);
      if (source.digest) {
        json["digest"] = {{"sha256", source.digest->hex()}};
      } else {
        // No registry is known to have it: its ID says what it is, to who has the same store.
        complete = false;
        json["annotations"] = {{"slipway.imageId", source.id.text()}};
      }
      break;
    case ResolvedSource::Kind::http:
      json["uri"] = hidden.url(source.name);
      if (source.digest) json["digest"] = {{"sha256", source.digest->hex()}};
      complete = complete && source.digest;
      break;
    case ResolvedSource::Kind::git:
      json["uri"] = git_uri(source, hidden);
      if (!source.commit.empty()) json["digest"] = commit_digest(source.commit);
      complete = complete && !source.commit.empty();
      break;
  }
  return json;
}

// What the steps of one platform's image take from outside.
class Needed {
 public:
  void add(const Operation& operation) {
    if (const auto* base = std::get_if<BaseImage>(&operation)) images_.insert(base->config);
    if (const auto* http = std::get_if<FetchHttp>(&operation))
      files_.insert(without_credentials(http->url));
    if (const auto* git = std::get_if<FetchGit>(&operation))
      commits_.emplace(without_credentials(git->remote), git->ref, git->subdir);
  }
  // Build contexts are everybody's: which steps they are taken for is not known.
  bool has(const ResolvedSource& source) const {
    if (source.kind == ResolvedSource::Kind::image) return images_.contains(source.id);
    if (source.use != ResolvedSource::Use::step) return true;
    if (source.kind == ResolvedSource::Kind::http) return files_.contains(source.name);
    return commits_.contains(std::make_tuple(source.name, source.ref, source.subdir));
  }

 private:
  std::set<Digest> images_;
  std::set<std::string> files_;
  std::set<std::tuple<std::string, std::string, std::string>> commits_;
};

struct Asked {
  std::string id;
  bool optional = false;
  auto operator<=>(const Asked&) const = default;
};
Json list_of(const std::set<Asked>& asked) {
  Json list = Json::array();
  for (const Asked& each : asked) {
    list.push_back({{"id", each.id}});
    if (each.optional) list.back()["optional"] = true;
  }
  return list;
}

// What SLSA 1 and 0.2 both have, under other names.
struct Told {
  Json config_source;
  Json request;
  Json materials;
  Json build_config;  // null: none
  Json metadata;      // BuildKit's own
  bool request_complete = true;
  bool materials_complete = true;
  bool hermetic = false;
};

Told tell(const ProvenanceSpec& spec, const BuildFacts& facts, const Graph& graph,
          const PlatformImage& image) {
  const bool all = spec.mode == ProvenanceSpec::Mode::max;
  Told told;
  Hidden hidden;
  learn_hidden(graph, hidden);
  for (const std::string& variable : image.config.env) hidden.variable(variable);
  Json args = Json::object();
  const auto add = [&](const std::string& key, const std::string& name, const std::string& value) {
    const std::string shown = hidden.named(name, value);
    if (shown != value) told.request_complete = false;
    args[key + name] = shown;
  };
  for (const auto& [name, value] : facts.build_args) add("build-arg:", name, value);
  for (const auto& [name, value] : facts.labels) add("label:", name, value);
  if (!all && !args.empty()) {
    args = Json::object();
    told.request_complete = false;
  }
  for (const auto& [name, value] : facts.contexts) args["context:" + name] = hidden.url(value);
  for (const auto& [name, value] : facts.options) args[name] = value;

  std::set<Asked> secrets;
  std::set<Asked> agents;
  Needed needed;
  bool network = false;
  for (const VertexId id : needed_vertices(graph, image.root)) {
    needed.add(graph[id].operation);
    const auto* run = std::get_if<RunProcess>(&graph[id].operation);
    if (run == nullptr) continue;
    network = network || run->network != RunProcess::Network::none;
    for (const RunProcess::Mount& mount : run->mounts) {
      if (mount.type == RunProcess::Mount::Type::secret)
        secrets.insert({mount.unkeyed.id, !mount.required});
      if (mount.type == RunProcess::Mount::Type::ssh)
        agents.insert({mount.unkeyed.id, !mount.required});
    }
  }

  told.materials = Json::array();
  told.config_source = Json::object();
  told.materials_complete = facts.locals.empty();
  if (!facts.context.empty()) told.config_source["uri"] = hidden.url(facts.context);
  for (const ResolvedSource& source : facts.sources) {
    if (!needed.has(source)) continue;  // of another platform's image
    Json json = material(source, hidden, told.materials_complete);
    if (source.use == ResolvedSource::Use::build_context) {
      told.config_source["uri"] = json["uri"];
      if (json.contains("digest")) told.config_source["digest"] = json["digest"];
    }
    if (std::find(told.materials.begin(), told.materials.end(), json) == told.materials.end())
      told.materials.push_back(std::move(json));
  }
  told.config_source["path"] = facts.dockerfile;
  told.hermetic = told.materials_complete && !network;

  told.request["frontend"] = "dockerfile.v0";
  if (!args.empty()) told.request["args"] = std::move(args);
  if (all && !secrets.empty()) told.request["secrets"] = list_of(secrets);
  if (all && !agents.empty()) told.request["ssh"] = list_of(agents);
  for (const std::string& name : facts.locals) told.request["locals"].push_back({{"name", name}});

  told.metadata = Json::object();
  if (all) {
    const BuildSteps steps =
        describe_steps(graph, image.root, facts.dockerfile, hidden, facts.layers);
    told.build_config = Json::parse(steps.config);
    if (!steps.source.empty()) told.metadata["source"] = Json::parse(steps.source);
    if (!steps.layers.empty()) told.metadata["slipway_diffIds"] = Json::parse(steps.layers);
  }
  // Whatever way a hidden value took into one of the others.
  for (Json* json : {&told.config_source, &told.request, &told.materials}) clean(*json, hidden);
  return told;
}

Json version_1(const ProvenanceSpec& spec, const BuildFacts& facts, Told told) {
  Json definition;
  definition["buildType"] = build_type_v1;
  definition["externalParameters"]["configSource"] = std::move(told.config_source);
  definition["externalParameters"]["request"] = std::move(told.request);
  Json& internal = definition["internalParameters"];
  if (!told.build_config.is_null()) internal["buildConfig"] = std::move(told.build_config);
  internal["builderPlatform"] = facts.builder.text();
  definition["resolvedDependencies"] = std::move(told.materials);

  Json details;
  details["builder"]["id"] = spec.builder_id;
  details["builder"]["version"] = {{"slipway", facts.version}};
  Json& metadata = details["metadata"];
  if (!facts.invocation.empty()) metadata["invocationId"] = facts.invocation;
  if (!facts.started.empty()) metadata["startedOn"] = facts.started;
  if (!facts.finished.empty()) metadata["finishedOn"] = facts.finished;
  metadata["buildkit_metadata"] = std::move(told.metadata);
  if (told.hermetic) metadata["buildkit_hermetic"] = true;
  metadata["buildkit_completeness"] = {{"request", told.request_complete},
                                       {"resolvedDependencies", told.materials_complete}};
  metadata["buildkit_reproducible"] = spec.reproducible;
  return {{"buildDefinition", std::move(definition)}, {"runDetails", std::move(details)}};
}

Json version_0_2(const ProvenanceSpec& spec, const BuildFacts& facts, Told told) {
  Json json;
  json["builder"]["id"] = spec.builder_id;
  json["buildType"] = build_type_v02;
  for (Json& each : told.materials) each.erase("annotations");
  json["materials"] = std::move(told.materials);
  Json& invocation = json["invocation"];
  if (told.config_source.contains("path")) {
    told.config_source["entryPoint"] = told.config_source["path"];
    told.config_source.erase("path");
  }
  invocation["configSource"] = std::move(told.config_source);
  invocation["parameters"] = std::move(told.request);
  invocation["environment"]["platform"] = facts.builder.text();
  if (!told.build_config.is_null()) json["buildConfig"] = std::move(told.build_config);
  Json& metadata = json["metadata"];
  if (!facts.invocation.empty()) metadata["buildInvocationID"] = facts.invocation;
  if (!facts.started.empty()) metadata["buildStartedOn"] = facts.started;
  if (!facts.finished.empty()) metadata["buildFinishedOn"] = facts.finished;
  metadata["completeness"] = {{"parameters", told.request_complete},
                              {"environment", true},
                              {"materials", told.materials_complete}};
  metadata["reproducible"] = spec.reproducible;
  metadata["https://mobyproject.org/buildkit@v1#metadata"] = std::move(told.metadata);
  if (told.hermetic) metadata["https://mobyproject.org/buildkit@v1#hermetic"] = true;
  return json;
}

}  // namespace

std::string_view predicate_type(ProvenanceSpec::Version version) {
  return version == ProvenanceSpec::Version::v1 ? "https://slsa.dev/provenance/v1"
                                                : "https://slsa.dev/provenance/v0.2";
}

std::string provenance(const ProvenanceSpec& spec, const BuildFacts& facts, const Graph& graph,
                       const PlatformImage& image) {
  Told told = tell(spec, facts, graph, image);
  if (spec.complete_materials && !told.materials_complete) {
    const bool local = !facts.locals.empty();
    throw Error(local
                    ? "the provenance would be incomplete: " + quoted(facts.locals.front()) +
                          " is a directory of this machine"
                    : "the provenance would be incomplete: an image has no digest of a registry's")
        .hint(local ? "build a git repository's commit, or leave complete-materials out"
                    : "pull the base image from its registry, or leave complete-materials out");
  }
  const Json json = spec.version == ProvenanceSpec::Version::v1
                        ? version_1(spec, facts, std::move(told))
                        : version_0_2(spec, facts, std::move(told));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace slipway
