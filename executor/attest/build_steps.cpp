#include <executor/attest/build_steps.hpp>

#include <cache/registry/base64.hpp>
#include <executor/attest/clean_json.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <variant>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

class Describer {
 public:
  explicit Describer(const Hidden& hidden) : hidden_(hidden) {}

  Json describe(const Operation& operation) const {
    return std::visit(
        Overloaded{
            [&](const Scratch&) { return source("scratch://", {}); },
            [&](const BaseImage& image) { return source("docker-image://" + image.reference, {}); },
            [&](const ReadContext& context) {
              return source("local://" + (context.name.empty() ? "context" : context.name), {});
            },
            [&](const FetchHttp& fetch) {
              Json attributes;
              if (!fetch.checksum.empty()) attributes["http.checksum"] = fetch.checksum;
              attributes["http.filename"] = fetch.file_name;
              return source(address(fetch.url), std::move(attributes));
            },
            [&](const FetchGit& fetch) {
              Json attributes;
              attributes["git.fullurl"] = address(fetch.remote);
              if (!fetch.checksum.empty()) attributes["git.checksum"] = fetch.checksum;
              if (fetch.keep_git_dir) attributes["git.keepgitdir"] = "true";
              std::string identifier = "git://" + address(fetch.remote);
              if (!fetch.ref.empty() || !fetch.subdir.empty()) identifier += "#" + fetch.ref;
              if (!fetch.subdir.empty()) identifier += ":" + fetch.subdir;
              return source(identifier, std::move(attributes));
            },
            [&](const RunProcess& run) { return exec(run); },
            [&](const CopyFiles& copy) { return files(copy); },
            [&](const MakeDirectory& make) {
              Json action{{"path", make.path}, {"mode", make.mode}, {"makeParents", true}};
              if (!make.owner.empty()) action["owner"] = make.owner;
              return file_op(Json::array({Json{{"mkdir", std::move(action)}}}));
            },
            [&](const StackLayers&) {
              return Json{{"Op", {{"merge", Json::object()}}}};
            },
        },
        operation);
  }

 private:
  std::string address(const std::string& url) const {
    return Hidden(hidden_).url(url);  // a copy: learn_hidden() has told this one
  }

  static Json source(const std::string& identifier, Json attributes) {
    Json op{{"identifier", identifier}};
    if (!attributes.empty()) op["attrs"] = std::move(attributes);
    return {{"Op", {{"source", std::move(op)}}}};
  }

  static Json file_op(Json actions) {
    Json list = Json::array();
    for (Json& action : actions) list.push_back({{"Action", std::move(action)}});
    return {{"Op", {{"file", {{"actions", std::move(list)}}}}}};
  }

  Json exec(const RunProcess& run) const {
    Json meta;
    meta["args"] = run.arguments;
    Json& environment = meta["env"] = Json::array();
    for (const std::string& variable : run.environment)
      environment.push_back(Hidden(hidden_).variable(variable));
    meta["cwd"] = run.working_directory;
    if (!run.user.empty()) meta["user"] = run.user;
    if (!run.hostname.empty()) meta["hostname"] = run.hostname;
    for (const auto& [name, address] : run.extra_hosts)
      meta["extraHosts"].push_back({{"Host", name}, {"IP", address}});

    Json op{{"meta", std::move(meta)}};
    Json& mounts = op["mounts"] = Json::array();
    mounts.push_back({{"input", 0}, {"dest", "/"}});
    for (const RunProcess::Mount& mount : run.mounts) mounts.push_back(describe(mount));
    // BuildKit's numbers: the sandbox's, the host's, none.
    if (run.network == RunProcess::Network::host) op["network"] = 1;
    if (run.network == RunProcess::Network::none) op["network"] = 2;
    if (run.security == RunProcess::Security::insecure) op["security"] = 1;
    for (const RunProcess::Device& device : run.devices)
      op["cdiDevices"].push_back({{"name", device.name}, {"optional", !device.required}});

    Json platform{{"Architecture", run.platform.architecture}, {"OS", run.platform.os}};
    if (!run.platform.variant.empty()) platform["Variant"] = run.platform.variant;
    return {{"Op", {{"exec", std::move(op)}}}, {"platform", std::move(platform)}};
  }

  static Json describe(const RunProcess::Mount& mount) {
    using Type = RunProcess::Mount::Type;
    Json json;
    if (mount.input != 0) json["input"] = mount.input;
    if (!mount.source.empty()) json["selector"] = mount.source;
    json["dest"] = mount.target;
    if (mount.read_only) json["readonly"] = true;
    switch (mount.type) {
      case Type::bind:
        break;
      case Type::secret:
        json["mountType"] = 1;
        json["secretOpt"] = {{"ID", mount.unkeyed.id}, {"optional", !mount.required}};
        if (!mount.env.empty()) json["secretOpt"]["env"] = mount.env;
        break;
      case Type::ssh:
        json["mountType"] = 2;
        json["SSHOpt"] = {{"ID", mount.unkeyed.id}, {"optional", !mount.required}};
        break;
      case Type::cache:
        json["mountType"] = 3;
        json["cacheOpt"] = {{"ID", mount.unkeyed.id}};
        if (mount.sharing == RunProcess::Mount::Sharing::private_) json["cacheOpt"]["sharing"] = 1;
        if (mount.sharing == RunProcess::Mount::Sharing::locked) json["cacheOpt"]["sharing"] = 2;
        break;
      case Type::tmpfs:
        json["mountType"] = 4;
        break;
    }
    return json;
  }

  static Json files(const CopyFiles& copy) {
    Json actions = Json::array();
    for (const auto& each : copy.sources) {
      if (const auto* file = std::get_if<CopyFiles::InlineFile>(&each)) {
        actions.push_back(
            {{"mkfile",
              {{"path", copy.destination}, {"name", file->name}, {"data", file->content}}}});
        continue;
      }
      const auto& selection = std::get<CopyFiles::Selection>(each);
      Json action{{"src", selection.path}, {"dest", copy.destination}, {"input", selection.input}};
      if (!copy.chown.empty()) action["owner"] = copy.chown;
      if (!copy.chmod.empty()) action["modeStr"] = copy.chmod;
      if (selection.unpack) action["attemptUnpackDockerCompatibility"] = true;
      if (selection.wildcards) action["allowWildcard"] = true;
      if (!copy.exclude.empty()) action["excludePatterns"] = copy.exclude;
      actions.push_back({{"copy", std::move(action)}});
    }
    return file_op(std::move(actions));
  }

  const Hidden& hidden_;
};

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json position(std::uint32_t line) {
  return {{"line", line}};
}

}  // namespace

std::vector<VertexId> needed_vertices(const Graph& graph, VertexId root) {
  // Inputs have lower numbers, so one walk downwards finds all.
  std::vector<bool> needed(graph.size(), false);
  needed[index_of(root)] = true;
  for (std::size_t i = index_of(root) + 1; i-- > 0;) {
    if (!needed[i]) continue;
    for (const VertexId input : graph[VertexId{static_cast<std::uint32_t>(i)}].inputs)
      needed[index_of(input)] = true;
  }
  std::vector<VertexId> ids;
  for (std::size_t i = 0; i < needed.size(); ++i)
    if (needed[i]) ids.push_back(VertexId{static_cast<std::uint32_t>(i)});
  return ids;
}

void learn_hidden(const Graph& graph, Hidden& hidden) {
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    const Operation& operation = graph[VertexId{i}].operation;
    if (const auto* run = std::get_if<RunProcess>(&operation)) {
      for (const std::string& variable : run->environment) hidden.variable(variable);
    } else if (const auto* http = std::get_if<FetchHttp>(&operation)) {
      hidden.url(http->url);
    } else if (const auto* git = std::get_if<FetchGit>(&operation)) {
      hidden.url(git->remote);
    }
  }
}

BuildSteps describe_steps(const Graph& graph, VertexId root, const std::string& dockerfile,
                          const Hidden& hidden,
                          const std::vector<std::pair<VertexId, LayerRef>>& layers) {
  const Describer describer(hidden);
  std::map<VertexId, std::string> names;
  Json steps = Json::array();
  Json digests = Json::object();
  std::vector<std::shared_ptr<const SourceFile>> texts;
  Json places = Json::object();
  for (const VertexId id : needed_vertices(graph, root)) {
    const Vertex& vertex = graph[id];
    const std::string name = "step" + std::to_string(steps.size());
    names[id] = name;
    Json step{{"id", name}};
    Json op = describer.describe(vertex.operation);
    clean(op, hidden);
    step["op"] = std::move(op);
    for (const VertexId input : vertex.inputs) step["inputs"].push_back(names.at(input) + ":0");
    steps.push_back(std::move(step));
    digests[graph.definition(id).text()] = name;

    if (!vertex.origin) continue;
    auto text = std::find(texts.begin(), texts.end(), vertex.origin.file);
    if (text == texts.end()) text = texts.insert(texts.end(), vertex.origin.file);
    Json range{{"start", position(vertex.origin.line)}, {"end", position(vertex.origin.end_line)}};
    Json location;
    if (text != texts.begin()) location["sourceIndex"] = text - texts.begin();
    location["ranges"] = Json::array({std::move(range)});
    places[name]["locations"] = Json::array({std::move(location)});
  }
  // As BuildKit: a last step that does nothing stands for the result.
  steps.push_back({{"id", "step" + std::to_string(steps.size())},
                   {"inputs", Json::array({names.at(root) + ":0"})}});

  BuildSteps described;
  described.config = text_of({{"llbDefinition", std::move(steps)}, {"digestMapping", digests}});
  if (!texts.empty()) {
    Json infos = Json::array();
    for (const auto& text : texts)
      infos.push_back(
          {{"filename", text->name.ends_with("/" + dockerfile) ? dockerfile : text->name},
           {"language", "Dockerfile"},
           {"data", encode_base64(hidden.clean(text->text))}});
    described.source = text_of({{"locations", std::move(places)}, {"infos", std::move(infos)}});
  }
  Json made = Json::object();
  for (const auto& [id, layer] : layers)
    if (const auto name = names.find(id); name != names.end())
      made[name->second] = layer.diff_id.text();
  if (!made.empty()) described.layers = text_of(made);
  return described;
}

}  // namespace slipway
