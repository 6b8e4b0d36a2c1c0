#include <executor/solve/explain.hpp>

#include <ir/error.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace slipway {
namespace {

using Parts = std::map<std::string_view, std::string_view>;

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
    if (c < '0' || c > '9' || n > 1'000'000) return std::nullopt;
    n = n * 10 + static_cast<std::size_t>(c - '0');
  }
  return n;
}

std::string_view value_of(const Parts& parts, std::string_view label) {
  const auto found = parts.find(label);
  return found == parts.end() ? std::string_view() : found->second;
}

// "--chown changed: app -> 1000"; long values, and what a line cannot show, are left out.
std::string with_values(const std::string& name, std::string_view was, std::string_view is) {
  constexpr std::size_t longest = 60;
  const auto fits = [](std::string_view value) {
    return !value.empty() && value.size() <= longest && quoted(value).size() == value.size() + 2;
  };
  if (was.empty() && fits(is)) return name + " " + std::string(is) + " added";
  if (is.empty() && fits(was)) return name + " " + std::string(was) + " removed";
  if (!fits(was) || !fits(is)) return name + " changed";
  return name + " changed: " + std::string(was) + " -> " + std::string(is);
}

// The name in "environment[NAME]".
std::string_view bracketed_name(std::string_view label) {
  const auto open = label.find('[');
  if (open == std::string_view::npos || !label.ends_with(']')) return {};
  return label.substr(open + 1, label.size() - open - 2);
}

// What a person calls the field behind a label, and how they would say that it changed.
std::string describe_field(std::string_view label, const Parts& was, const Parts& is) {
  const std::string_view before = value_of(was, label);
  const std::string_view after = value_of(is, label);
  const std::string_view operation = value_of(is, "operation");
  if (label == "operation") return "instruction changed";
  if (label.starts_with("arguments")) return "command changed";
  if (label.starts_with("environment[")) {
    const std::string name = "environment variable " + std::string(bracketed_name(label));
    if (!was.contains(label)) return name + " added";
    return name + (is.contains(label) ? " changed" : " removed");
  }
  if (label.starts_with("secret[")) {
    // Never its digest.
    const std::string name = quoted(bracketed_name(label));
    const std::string secret = "secret " + name.substr(1, name.size() - 2);
    if (was.contains(label) && is.contains(label)) return secret + " changed";
    return secret + (is.contains(label) ? " counts now" : " no longer counts");
  }
  if (label.starts_with("script[")) return "heredoc changed";
  if (label.starts_with("mount[")) return "--mount changed";
  if (label.starts_with("device[")) return "--device changed";
  if (label.starts_with("exclude")) return "--exclude changed";
  if (label.starts_with("source[")) {
    const auto bracket = label.find(']');
    const std::string_view field = label.substr(std::min(bracket + 2, label.size()));
    const std::string name(label.substr(0, bracket + 1));
    if (field == "content" && was.contains(label) && is.contains(label))
      return "heredoc " + std::string(value_of(is, name + ".name")) + ": content";
    if (field == "unpack") return "unpacking changed";
    if (field == "path" && was.contains(label) && is.contains(label))
      return with_values("source", before, after);
    return "sources changed";
  }
  if (label == "destination") return with_values("destination", before, after);
  if (label == "chown" || label == "chmod")
    return with_values("--" + std::string(label), before, after);
  if (label == "parents" || label == "link" || label == "network" || label == "security")
    return "--" + std::string(label) + " changed";
  if (label == "working_directory") return with_values("working directory", before, after);
  if (label == "user") return with_values("user", before, after);
  if (operation == "directory" && label == "path") return with_values("path", before, after);
  return std::string(label) + " changed";
}

// A person knows the steps of a --link's composition, not the composition.
std::string what_input_changed(const Graph& graph, VertexId id,
                               const std::function<bool(VertexId)>& is_new) {
  while (std::holds_alternative<StackLayers>(graph[id].operation)) {
    const std::vector<VertexId>& parts = graph[id].inputs;
    const auto found = std::find_if(parts.rbegin(), parts.rend(), is_new);
    id = found == parts.rend() ? parts.front() : *found;
  }
  const auto* image = std::get_if<BaseImage>(&graph[id].operation);
  if (image != nullptr) return "base image " + image->reference + " changed";
  if (graph[id].name.empty()) return "what lies below changed";
  return "input " + number_of(graph[id]) + " changed";
}

// The first of the parts that differ, in the order of a reader's interest: what stands in the
// instruction before the files it takes, and those before what lies below: who edits a RUN wants to
// read that, and not that something below it changed too.
class Explanation {
 public:
  Explanation(const Vertex& vertex, const Graph& graph, const KeyParts& now,
              const std::vector<RecordedFiles>& files, const Record& before, RecordStore& records,
              const std::function<bool(VertexId)>& is_new)
      : vertex_(vertex),
        graph_(graph),
        files_(files),
        before_(before),
        records_(records),
        is_new_(is_new) {
    for (const KeyPart& part : before.parts) was_[part.label] = part.value;
    for (const KeyPart& part : now) is_[part.label] = part.value;
    for (const KeyPart& part : now) {
      const auto found = was_.find(part.label);
      if (found == was_.end() || found->second != part.value) consider(part.label);
    }
    for (const KeyPart& part : before.parts) {
      if (!is_.contains(part.label)) consider(part.label);
    }
  }

  Miss tell() {
    Miss miss;
    if (!instruction_.empty())
      miss.reason = instruction_;
    else if (!named_files_.reason.empty())
      miss = std::move(named_files_);
    else if (!archive_.empty())
      miss.reason = archive_;
    else if (!input_.empty())
      miss.reason = input_;
    else if (files_changed_)
      miss.reason = "files changed";
    return miss;
  }

 private:
  void consider(const std::string& label) {
    if (const auto n = input_of(label)) {
      if (*n < vertex_.inputs.size() && input_.empty())
        input_ = what_input_changed(graph_, vertex_.inputs[*n], is_new_);
      return;
    }
    // "mount[/src].files" is what a mount shows, "mount[0].target" what stands in the instruction.
    const std::string_view mount = mount_of(label);
    const std::string_view part =
        std::string_view(label).substr(mount.empty() ? 0 : mount_part(mount).size());
    if (part == files_part) return consider_files(label, mount);
    if (part.starts_with("archives[")) return consider_archive(label);
    if (instruction_.empty()) instruction_ = describe_field(label, was_, is_);
  }

  static std::string_view mount_of(std::string_view label) {
    constexpr std::string_view prefix = "mount[/";
    const auto end = label.rfind("].");
    if (!label.starts_with(prefix) || end == std::string_view::npos) return {};
    return label.substr(prefix.size() - 1, end - prefix.size() + 1);
  }

  void consider_files(const std::string& label, std::string_view mount) {
    files_changed_ = true;
    if (!named_files_.reason.empty()) return;
    const auto now = std::find_if(files_.begin(), files_.end(),
                                  [&](const RecordedFiles& one) { return one.part == label; });
    const std::string before = records_.files(before_.key, label);
    // Neither a first nor a last file: a list that is not there says nothing about the files.
    if (before.empty() || now == files_.end()) return;
    FileChanges changes = compare_file_lists(before, now->list);
    named_files_.reason = describe(changes);
    if (!named_files_.reason.empty() && !mount.empty())
      named_files_.reason += " (mount " + std::string(mount) + ")";
    named_files_.changes = std::move(changes.first);
    named_files_.change_count = changes.count;
  }

  // The value begins with the content's digest.
  void consider_archive(const std::string& label) {
    if (!archive_.empty()) return;
    const auto content = [](std::string_view value) { return value.substr(0, value.find(' ')); };
    const auto was = was_.find(label);
    const auto is = is_.find(label);
    if (was == was_.end() || is == is_.end())
      archive_ = "archives changed";
    else if (content(was->second) != content(is->second))
      archive_ = archive_name(label) + ": content";
    else
      archive_ = archive_name(label) + ": destination or owner";
  }

  // Of the only source that can be one; the plan numbers archives, not sources.
  std::string archive_name(const std::string& label) const {
    const std::string_view path = value_of(is_, "source[0].path");
    if (path.empty() || label != "archives[0]" || is_.contains("source[1].path") ||
        is_.contains("archives[1]") || quoted(path).size() != path.size() + 2)
      return "archive";
    return std::string(path);
  }

  const Vertex& vertex_;
  const Graph& graph_;
  const std::vector<RecordedFiles>& files_;
  const Record& before_;
  RecordStore& records_;
  const std::function<bool(VertexId)>& is_new_;
  Parts was_;
  Parts is_;

  std::string instruction_;
  Miss named_files_;
  std::string archive_;
  std::string input_;
  bool files_changed_ = false;
};

}  // namespace

std::string input_part(std::size_t n) {
  return "input[" + std::to_string(n) + "]";
}

std::string mount_part(std::string_view target) {
  return "mount[" + std::string(target) + "].";
}

std::string secret_part(std::string_view id) {
  return "secret[" + std::string(id) + "]";
}

std::string_view instruction_of(std::string_view name) {
  const auto end = name.starts_with('[') ? name.find("] ") : std::string_view::npos;
  return end == std::string_view::npos ? name : name.substr(end + 2);
}

Miss explain_miss(const Graph& graph, VertexId id, const KeyParts& now,
                  const std::vector<RecordedFiles>& files, const std::optional<Record>& before,
                  RecordStore& records, const std::function<bool(VertexId)>& is_new) {
  const Vertex& vertex = graph[id];
  if (vertex.ignore_cache) return {"excluded by --no-cache", {}, 0};
  if (!before) return {"never built here", {}, 0};

  Miss miss = Explanation(vertex, graph, now, files, *before, records, is_new).tell();
  if (!miss.reason.empty()) return miss;
  // The same parts in another order: ENV A=1 B=2 and ENV B=2 A=1 are different keys.
  for (std::size_t i = 0; i < std::min(now.size(), before->parts.size()); ++i) {
    if (now[i].label == before->parts[i].label) continue;
    return {"order of " + now[i].label.substr(0, now[i].label.find('[')) + " changed", {}, 0};
  }
  return {"its result was no longer in the store", {}, 0};
}

}  // namespace slipway
