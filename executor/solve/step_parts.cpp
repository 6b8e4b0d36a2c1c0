#include <executor/solve/step_parts.hpp>

#include <executor/files/file_list.hpp>
#include <executor/files/selected.hpp>
#include <executor/solve/explain.hpp>

#include <ir/remote_source.hpp>

#include <string_view>
#include <utility>
#include <variant>

namespace slipway {
namespace {

// What messages call the files of a vertex.
std::string name_of_tree(const Vertex& vertex) {
  if (const auto* image = std::get_if<BaseImage>(&vertex.operation))
    return "image " + image->reference;
  if (const auto* http = std::get_if<FetchHttp>(&vertex.operation))
    return without_credentials(http->url);
  if (const auto* git = std::get_if<FetchGit>(&vertex.operation))
    return "repository " + without_credentials(git->remote);
  return "stage " + vertex.stage;
}

// "https://user@host:443/x" -> "host"
std::string host_of(std::string_view url) {
  const std::string_view host = authority_of(url).host;
  if (host.starts_with('[')) return std::string(host.substr(1, host.find(']') - 1));
  return std::string(host.substr(0, host.find(':')));
}

}  // namespace

std::vector<std::unique_ptr<SourceTree>> input_trees(const Graph& graph, VertexId id,
                                                     const InputFiles& files,
                                                     std::vector<const SourceTree*>& trees) {
  const Vertex& vertex = graph[id];
  std::vector<std::unique_ptr<SourceTree>> owned;
  trees.assign(vertex.inputs.size(), nullptr);
  for (std::size_t i = 1; i < vertex.inputs.size(); ++i) {
    if ((trees[i] = files.context(vertex.inputs[i])) != nullptr) continue;
    owned.push_back(
        stack_tree(files.view(vertex.inputs[i]), name_of_tree(graph[vertex.inputs[i]])));
    trees[i] = owned.back().get();
  }
  return owned;
}

bool reads_input(const RunProcess::Mount& mount) {
  using Type = RunProcess::Mount::Type;
  return mount.input != 0 && (mount.type == Type::bind || mount.type == Type::cache);
}

std::vector<PlannedFiles> add_mount_parts(const RunProcess& run,
                                          const std::vector<const SourceTree*>& trees,
                                          KeyParts& parts) {
  std::vector<PlannedFiles> files;
  for (const RunProcess::Mount& mount : run.mounts) {
    if (!reads_input(mount)) continue;
    auto plan =
        std::make_shared<const CopyPlan>(plan_copy(mounted_files(mount), trees, StackView({})));
    const std::string prefix = mount_part(mount.target);
    for (KeyPart& part : plan->key_parts())
      parts.push_back({prefix + part.label, std::move(part.value)});
    files.push_back({prefix + std::string(files_part), std::move(plan)});
  }
  return files;
}

void add_secret_parts(const RunProcess& run, const std::set<std::string>& keyed,
                      const std::function<std::optional<std::string>(const std::string&)>& secret,
                      const std::function<Digest(const std::string&, const std::string&)>& digest,
                      KeyParts& parts) {
  std::set<std::string> seen;
  for (const RunProcess::Mount& mount : run.mounts) {
    const std::string& id = mount.unkeyed.id;
    if (mount.type != RunProcess::Mount::Type::secret || !keyed.contains(id)) continue;
    if (!seen.insert(id).second) continue;
    if (const std::optional<std::string> value = secret(id))
      parts.push_back({secret_part(id), digest(id, *value).hex()});
  }
}

KeyParts http_parts(const FetchHttp& operation, const std::string& content) {
  return {{"operation", "FetchHttp"}, {"file_name", operation.file_name}, {std::string(http_content_part), content}};
}

std::string http_authorization(
    const FetchHttp& operation,
    const std::function<std::optional<std::string>(const std::string&)>& secret) {
  if (!secret) return {};
  // The names that BuildKit has for them.
  const std::string host = host_of(operation.url);
  if (const auto token = secret("HTTP_AUTH_TOKEN_" + host)) return "Bearer " + *token;
  return secret("HTTP_AUTH_HEADER_" + host).value_or("");
}

std::filesystem::path git_agent(const std::map<std::string, std::filesystem::path>& ssh_agents) {
  const auto agent = ssh_agents.find("default");
  return agent == ssh_agents.end() ? std::filesystem::path() : agent->second;
}

std::vector<RecordedFiles> lists_of(const std::vector<PlannedFiles>& files) {
  std::vector<RecordedFiles> lists;
  for (const PlannedFiles& planned : files) {
    if (std::string list = file_list(*planned.plan); !list.empty())
      lists.push_back({planned.label, std::move(list)});
  }
  return lists;
}

}  // namespace slipway
