#include <executor/solve/explain.hpp>

#include <executor/solve/part_names.hpp>

#include <ir/error.hpp>
#include <ir/quantities.hpp>

#include <algorithm>
#include <ctime>
#include <map>
#include <utility>

namespace slipway {
namespace {

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

// "sha256:0123456789ab", as tables of images show it.
std::string short_digest(std::string_view text) {
  return std::string(text.substr(0, std::string_view("sha256:").size() + 12));
}

// `was` and `is` as input_image() has them; empty where it is not known.
std::string what_image_changed(std::string_view was, std::string_view is) {
  const auto reference = [](std::string_view image) {
    image = image.substr(0, image.find('\n'));
    // As people write it.
    for (const std::string_view prefix : {"docker.io/", "library/"})
      if (image.starts_with(prefix)) image.remove_prefix(prefix.size());
    return image;
  };
  const auto id = [](std::string_view image) { return image.substr(image.find('\n') + 1); };
  if (was.empty()) return "base image " + std::string(reference(is)) + " changed";
  if (reference(was) != reference(is))
    return "base image changed: " + std::string(reference(was)) + " -> " +
           std::string(reference(is));
  return "base image " + std::string(reference(is)) + " changed: " + short_digest(id(was)) +
         " -> " + short_digest(id(is));
}

// A person knows the steps of a --link's composition, not the composition.
std::string what_input_changed(const Graph& graph, VertexId id,
                               const std::function<bool(VertexId)>& is_new) {
  while (std::holds_alternative<StackLayers>(graph[id].operation)) {
    const std::vector<VertexId>& parts = graph[id].inputs;
    const auto found = std::find_if(parts.rbegin(), parts.rend(), is_new);
    id = found == parts.rend() ? parts.front() : *found;
  }
  if (graph[id].name.empty()) return "what lies below changed";
  return "input " + step_number(graph[id].name) + " changed";
}

// The first of the parts that differ, in the order of a reader's interest: what stands in the
// instruction before the files it takes, and those before what lies below: who edits a RUN wants to
// read that, and not that something below it changed too.
class Explanation {
 public:
  Explanation(const MissedStep& step, RecordStore& records,
              const std::function<bool(VertexId)>& is_new)
      : vertex_(step.graph[step.id]),
        graph_(step.graph),
        files_(step.files),
        before_(step.baseline->record),
        records_(records),
        is_new_(is_new) {
    for (const KeyPart& part : before_.parts) was_[part.label] = part.value;
    for (const KeyPart& part : step.parts) is_[part.label] = part.value;
    for (const KeyPart& part : step.parts) {
      const auto found = was_.find(part.label);
      if (found == was_.end() || found->second != part.value) consider(part.label);
    }
    for (const KeyPart& part : before_.parts) {
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
      if (*n < vertex_.inputs.size() && input_.empty()) input_ = what_changed_below(*n);
      return;
    }
    // "mount[/src].files" is what a mount shows, "mount[0].target" what stands in the instruction.
    const std::string_view mount = mount_of(label);
    const std::string_view part =
        std::string_view(label).substr(mount.empty() ? 0 : mount_part(mount).size());
    if (part == files_part) return consider_files(label, mount);
    if (part.starts_with("archives[")) return consider_archive(label);
    if (instruction_.empty()) instruction_ = describe_part(label, was_, is_, vertex_.operation);
  }

  std::string what_changed_below(std::size_t n) const {
    const std::string image = n == 0 ? input_image(graph_, vertex_) : std::string();
    if (!image.empty())
      return what_image_changed(records_.files(before_.key, input_image_part), image);
    return what_input_changed(graph_, vertex_.inputs[n], is_new_);
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

KeyPart stack_part(std::size_t input, const LayerStack& layers) {
  Hasher hasher;
  for (const LayerRef& layer : layers) hasher.update(layer.tree.text() + "\n");
  return {input_part(input), hasher.finish().text()};
}

std::string mount_part(std::string_view target) {
  return "mount[" + std::string(target) + "].";
}

std::string secret_part(std::string_view id) {
  return "secret[" + std::string(id) + "]";
}

std::string step_number(const std::string& name) {
  const auto end = name.find(']');
  if (name.starts_with('[') && end != std::string::npos) return name.substr(0, end + 1);
  return name;
}

std::string_view instruction_of(std::string_view name) {
  const auto end = name.starts_with('[') ? name.find("] ") : std::string_view::npos;
  return end == std::string_view::npos ? name : name.substr(end + 2);
}

std::string input_image(const Graph& graph, const Vertex& vertex) {
  if (vertex.inputs.empty()) return {};
  const auto* image = std::get_if<BaseImage>(&graph[vertex.inputs[0]].operation);
  return image == nullptr ? std::string() : image->reference + "\n" + image->config.text();
}

std::string days_text(std::int64_t seconds) {
  const auto whole = [&](std::int64_t unit, const char* name) {
    const std::int64_t n = seconds / unit;
    return std::to_string(n) + " " + name + (n == 1 ? "" : "s");
  };
  if (seconds >= 86400) return whole(86400, "day");
  if (seconds >= 3600) return whole(3600, "hour");
  if (seconds >= 60) return whole(60, "minute");
  return whole(1, "second");
}

std::vector<PartChange> compare_parts(const KeyParts& was, const KeyParts& is) {
  std::map<std::string_view, std::string_view> before;
  std::map<std::string_view, std::string_view> after;
  for (const KeyPart& part : was) before[part.label] = part.value;
  for (const KeyPart& part : is) after[part.label] = part.value;
  std::vector<PartChange> changes;
  for (const KeyPart& part : is) {
    const auto found = before.find(part.label);
    if (found == before.end())
      changes.push_back({part.label, std::nullopt, shown_part(part.label, part.value)});
    else if (found->second != part.value)
      changes.push_back(
          {part.label, shown_part(part.label, found->second), shown_part(part.label, part.value)});
  }
  for (const KeyPart& part : was)
    if (!after.contains(part.label))
      changes.push_back({part.label, shown_part(part.label, part.value), std::nullopt});
  return changes;
}

namespace {

// Reasons that need no comparison; empty: there is none.
std::string reason_of_rule(const MissedStep& step) {
  const Vertex& vertex = step.graph[step.id];
  if (vertex.ignore_cache) {
    switch (*vertex.ignore_cache) {
      case IgnoreCache::build:
        return "excluded by --no-cache";
      case IgnoreCache::stage:
        // Behind the name of a stage may stand its platform.
        return "excluded by --no-cache-filter " + vertex.stage.substr(0, vertex.stage.find(' '));
      case IgnoreCache::directive:
        return "excluded by # cache: never";
    }
  }
  if (step.expired)
    return "expired: ran " + days_text(std::time(nullptr) - step.baseline->record.ran) +
           " ago, ttl " + shortest_age(vertex.cache_ttl.value_or(0));
  return {};
}

// "2026-11-29", of this machine's time.
std::string date_text(std::int64_t time) {
  const std::time_t seconds = time;
  struct tm date {};
  char text[16] = "";
  if (::localtime_r(&seconds, &date) != nullptr)
    std::strftime(text, sizeof text, "%Y-%m-%d", &date);
  return text;
}

// The same parts in another order: ENV A=1 B=2 and ENV B=2 A=1 are different keys.
std::string reason_without_difference(const KeyParts& was, const KeyParts& is) {
  for (std::size_t i = 0; i < std::min(was.size(), is.size()); ++i) {
    const std::string& label = is[i].label;
    if (label != was[i].label) return "order of " + label.substr(0, label.find('[')) + " changed";
  }
  return "its files are not in the store: lost, or left in a shared cache";
}

Miss compare(const MissedStep& step, RecordStore& records,
             const std::function<bool(VertexId)>& is_new) {
  const Record& before = step.baseline->record;
  Miss miss = Explanation(step, records, is_new).tell();
  if (miss.reason.empty()) miss.reason = reason_without_difference(before.parts, step.parts);
  // Where the instruction is another one, the reader cannot know which was compared.
  const std::string_view was = instruction_of(before.step);
  if (step.baseline->elsewhere && was != instruction_of(step.graph[step.id].name))
    miss.reason += "; compared with " + step_number(before.step);
  return miss;
}

}  // namespace

Miss explain_miss(const MissedStep& step, RecordStore& records,
                  const std::function<bool(VertexId)>& is_new) {
  Miss miss;
  const std::string rule = reason_of_rule(step);
  const auto eviction = rule.empty() ? records.eviction(step.key) : std::nullopt;
  if (!rule.empty())
    miss.reason = rule;
  else if (eviction)
    miss.reason = "evicted on " + date_text(eviction->at) + " by " + eviction->rule;
  else if (step.baseline)
    miss = compare(step, records, is_new);
  else
    miss.reason = "never built here";
  if (step.baseline) {
    miss.baseline = step.baseline->record.key;
    miss.baseline_step = step.baseline->record.step;
    miss.parts = compare_parts(step.baseline->record.parts, step.parts);
  }
  return miss;
}

}  // namespace slipway
