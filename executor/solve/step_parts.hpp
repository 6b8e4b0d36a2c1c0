// What who solves and who only plans have in common: the parts of a key that come from a step's
// inputs, and what is told to who is asked for a source.
#pragma once

#include <cache/records.hpp>
#include <executor/files/copy.hpp>
#include <executor/files/source_tree.hpp>
#include <ir/graph.hpp>
#include <ir/key.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// The files that a part of the key, `label`, is the digest of.
struct PlannedFiles {
  std::string label;
  std::shared_ptr<const CopyPlan> plan;
};

// Where the files of inputs are found.
struct InputFiles {
  std::function<const SourceTree*(VertexId)> context;  // null: it has layers
  std::function<StackView(VertexId)> view;
};
// The trees of a vertex's inputs, by their numbers; input 0 is what is written to, not read from,
// and null. Those that are not contexts are owned by what is returned.
std::vector<std::unique_ptr<SourceTree>> input_trees(const Graph& graph, VertexId id,
                                                     const InputFiles& files,
                                                     std::vector<const SourceTree*>& trees);

// Whether a mount shows files of an input.
bool reads_input(const RunProcess::Mount& mount);

// Adds what the mounts of a RUN show: only these files count, not the stage that made them.
std::vector<PlannedFiles> add_mount_parts(const RunProcess& run,
                                          const std::vector<const SourceTree*>& trees,
                                          KeyParts& parts);

// Adds the digests of the secrets that count, those of `keyed`. `digest` gives one by the store's
// own key, of an id and a value.
void add_secret_parts(const RunProcess& run, const std::set<std::string>& keyed,
                      const std::function<std::optional<std::string>(const std::string&)>& secret,
                      const std::function<Digest(const std::string&, const std::string&)>& digest,
                      KeyParts& parts);

// `content` is "sha256:...", or what --checksum has. So a file that is pinned is found without
// asking anybody, and one that two servers have is the same. Its time is in no key, like all times.
inline constexpr std::string_view http_content_part = "content";
KeyParts http_parts(const FetchHttp& operation, const std::string& content);

// What a file's server is told of who asks: the secret of its name. Empty: there is none.
std::string http_authorization(
    const FetchHttp& operation,
    const std::function<std::optional<std::string>(const std::string&)>& secret);

// The socket of the SSH agent that git asks; empty: that of the environment.
std::filesystem::path git_agent(const std::map<std::string, std::filesystem::path>& ssh_agents);

// The lists of those files, for the record.
std::vector<RecordedFiles> lists_of(const std::vector<PlannedFiles>& files);

}  // namespace slipway
