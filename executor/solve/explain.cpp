#include <executor/solve/explain.hpp>

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

namespace slipway {
namespace {

// More names than these do not help a reader of one line.
constexpr std::size_t most_names = 3;

// "[build 3/5] COPY src/ ." is known to the reader by its number.
std::string number_of(const Vertex& vertex) {
  const auto end = vertex.name.find(']');
  if (vertex.name.starts_with('[') && end != std::string::npos) {
    return vertex.name.substr(0, end + 1);
  }
  return vertex.name;
}

std::optional<std::size_t> input_of(std::string_view label) {
  constexpr std::string_view prefix = "input[";
  if (!label.starts_with(prefix) || !label.ends_with(']')) return std::nullopt;
  std::size_t n = 0;
  for (const char c : label.substr(prefix.size(), label.size() - prefix.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    n = n * 10 + static_cast<std::size_t>(c - '0');
  }
  return n;
}

std::string what_differs(const Entry& was, const Entry& is) {
  if (was.type != is.type) return "type";
  if (was.content != is.content || was.size != is.size) return "content";
  if (was.link_target != is.link_target || was.hard_link != is.hard_link) return "link";
  if (was.mode != is.mode) return "mode";
  if (was.uid != is.uid || was.gid != is.gid) return "owner";
  if (was.xattrs != is.xattrs) return "attributes";
  return "";
}

// The files as they were are the entries of the layer the step made then.
std::string changed_files(const LayerIndex& before, const CopyPlan& plan) {
  std::vector<std::string> changes;
  std::size_t position = 0;
  const auto gone = [&] { changes.push_back(std::string(before.path(position++)) + ": gone"); };
  for (const CopyPlan::Item& item : plan.items) {
    while (position < before.size() && path_less(before.path(position), item.entry.path)) gone();
    if (position < before.size() && before.path(position) == item.entry.path) {
      const std::string what = what_differs(before.entry(position++), item.entry);
      if (!what.empty()) changes.push_back(item.entry.path + ": " + what);
    } else if (item.entry.type != Entry::Type::directory) {
      changes.push_back(item.entry.path + ": new");
    }
  }
  while (position < before.size()) gone();

  std::string line;
  for (std::size_t i = 0; i < std::min(changes.size(), most_names); ++i) {
    line += (i == 0 ? "" : "; ") + changes[i];
  }
  if (changes.size() > most_names) {
    line += "; and " + std::to_string(changes.size() - most_names) + " more";
  }
  return line;
}

// "environment[PATH]" as a person says it.
std::string describe(const std::string& label) {
  if (label.starts_with("arguments")) return "command changed";
  return label + " changed";
}

}  // namespace

std::string input_part(std::size_t n) { return "input[" + std::to_string(n) + "]"; }

std::string explain_miss(const Graph& graph, VertexId id, const KeyParts& now,
                         const std::optional<Record>& before, const CopyPlan* plan,
                         const LayerStore& layers) {
  const Vertex& vertex = graph[id];
  if (vertex.ignore_cache) return "excluded by --no-cache";
  if (!before) return "never built here";

  std::map<std::string_view, std::string_view> earlier;
  for (const KeyPart& part : before->parts) earlier[part.label] = part.value;
  std::map<std::string_view, std::string_view> later;
  for (const KeyPart& part : now) later[part.label] = part.value;

  // What stands in the instruction is named before its inputs: who edits a RUN wants to read that,
  // and not that something below it changed too.
  std::string input_changed;
  const auto consider = [&](const std::string& label) -> std::string {
    if (const auto n = input_of(label); n && *n < vertex.inputs.size()) {
      const Vertex& input = graph[vertex.inputs[*n]];
      if (input_changed.empty()) {
        const auto* image = std::get_if<BaseImage>(&input.operation);
        input_changed = image != nullptr ? "base image " + image->reference + " changed"
                                         : "input " + number_of(input) + " changed";
      }
      return "";
    }
    if (label == files_part) {
      if (plan != nullptr && plan->archives.empty() && layers.find(before->layer.diff_id)) {
        const std::string files = changed_files(*layers.index(before->layer.diff_id), *plan);
        if (!files.empty()) return files;
      }
      return "files changed";
    }
    return describe(label);
  };
  for (const KeyPart& part : now) {
    const auto found = earlier.find(part.label);
    if (found != earlier.end() && found->second == part.value) continue;
    if (std::string reason = consider(part.label); !reason.empty()) return reason;
  }
  for (const KeyPart& part : before->parts) {
    if (later.contains(part.label)) continue;
    if (std::string reason = consider(part.label); !reason.empty()) return reason;
  }
  if (!input_changed.empty()) return input_changed;
  // The same parts in another order: ENV A=1 B=2 and ENV B=2 A=1 are different keys.
  for (std::size_t i = 0; i < std::min(now.size(), before->parts.size()); ++i) {
    if (now[i].label == before->parts[i].label) continue;
    return "order of " + now[i].label.substr(0, now[i].label.find('[')) + " changed";
  }
  return "its result was no longer in the store";
}

}  // namespace slipway
