#include <executor/rebase/layer_ties.hpp>

#include <cache/store.hpp>
#include <ir/error.hpp>
#include <ir/lowering/paths.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <set>
#include <tuple>
#include <utility>

namespace slipway {
namespace {

using Type = Entry::Type;

// A layer that many steps gave is most often the empty one.
constexpr std::size_t most_records = 200;

const std::string* value_of(const Record& record, std::string_view label) {
  for (const KeyPart& part : record.parts)
    if (part.label == label) return &part.value;
  return nullptr;
}

bool has(const Record& record, std::string_view label, std::string_view value) {
  const std::string* found = value_of(record, label);
  return found != nullptr && *found == value;
}

// Where a step writes, and whose what it makes is.
struct Placement {
  std::string destination;  // absolute, a trailing slash says "a directory"
  std::string owner;        // as written
  bool operator<(const Placement& other) const {
    return std::tie(destination, owner) < std::tie(other.destination, other.owner);
  }
};

std::string_view first_word(std::string_view text) {
  return text.substr(0, text.find(' '));
}

// "COPY --chown=1:2 a b /to/ # buildkit". Nothing where the text cannot be read without doubt. Adds
// its words to `all_words`.
std::optional<Placement> read_history(std::string_view text, const std::string& working_directory,
                                      std::set<std::string>& all_words) {
  constexpr std::string_view mark = " # buildkit";
  const bool workdir = first_word(text) == "WORKDIR";
  if (!workdir && !text.ends_with(mark)) return std::nullopt;
  if (!workdir) text.remove_suffix(mark.size());
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  // More words than two of a WORKDIR are a name with a blank in it, and so may others be that begin
  // with no slash.
  if (words.size() < (workdir ? 2U : 3U) || (workdir && words.size() > 2)) return std::nullopt;
  all_words.insert(words.begin(), words.end());
  Placement placement;
  constexpr std::string_view owner = "--chown=";
  for (const std::string& word : words)
    if (word.starts_with(owner)) placement.owner = word.substr(owner.size());
  placement.destination = words.back();
  if (placement.destination.empty()) return std::nullopt;
  if (!placement.destination.starts_with('/')) {
    if (working_directory.empty()) return std::nullopt;
    placement.destination = working_directory + "/" + placement.destination;
  }
  return placement;
}

bool is_number(std::string_view text) {
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

// "root" is a number everywhere.
bool has_names(std::string_view owner) {
  const std::size_t colon = std::min(owner.find(':'), owner.size());
  const std::string_view user = owner.substr(0, colon);
  const std::string_view group = owner.substr(std::min(colon + 1, owner.size()));
  const auto named = [](std::string_view name) { return !is_number(name) && name != "root"; };
  return named(user) || named(group);
}

bool same_file(const StackView& was, const StackView& is, std::string_view path) {
  const StackView::Resolved before = was.resolve(path, true);
  const StackView::Resolved now = is.resolve(path, true);
  if (!before.entry || !now.entry) return !before.entry && !now.entry;
  return before.entry->type == Type::file && now.entry->type == Type::file &&
         before.entry->content == now.entry->content;
}

// Nothing, a directory, a link, or a file of any kind.
int kind_of(const std::optional<Entry>& entry) {
  if (!entry || entry->type == Type::whiteout) return 0;
  if (entry->type == Type::directory) return 1;
  return entry->type == Type::symlink ? 2 : 3;
}

bool same_directory(const Entry& left, const Entry& right) {
  return left.mode == right.mode && left.uid == right.uid && left.gid == right.gid &&
         left.xattrs == right.xattrs;
}

class Placed {
 public:
  Placed(Store& store, const MovedLayer& moved)
      : moved_(moved), index_(store.layers().index(moved.layer.diff_id)) {}

  std::optional<std::string> tie(const Placement& placement) const {
    if (auto tie = destination(placement.destination)) return tie;
    if (has_names(placement.owner))
      for (const char* file : {"etc/passwd", "etc/group"})
        if (!same_file(was(), is(), file))
          return "gives files to " + quoted(placement.owner) + ", and /" + file +
                 " is not the same in both bases";
    std::set<std::string, std::less<>> parents;
    for (std::size_t i = 0; i < index_->size(); ++i) {
      const Entry entry = index_->entry(i);
      if (auto tie = path(entry)) return tie;
      for (std::string_view above = parent_path(entry.path);
           !above.empty() && parents.emplace(above).second; above = parent_path(above)) {
        if (index_->find(above)) continue;
        if (kind_of(was().find(above)) != 1 || kind_of(is().find(above)) != 1)
          return differs(above);
      }
    }
    return std::nullopt;
  }

 private:
  const StackView& was() const { return *moved_.was_below; }
  const StackView& is() const { return *moved_.is_below; }

  static std::string differs(std::string_view path) {
    return "writes to " + quoted("/" + std::string(path)) + ", which is not the same in both bases";
  }

  std::optional<std::string> destination(const std::string& written) const {
    const std::string path = rooted(written).substr(1);
    const StackView::Resolved before = was().resolve(path, true);
    const StackView::Resolved now = is().resolve(path, true);
    if (before.path == now.path && kind_of(before.entry) == kind_of(now.entry)) return std::nullopt;
    return differs(path);
  }

  std::optional<std::string> path(const Entry& entry) const {
    if (entry.type == Type::whiteout || entry.opaque)
      return "removes " + quoted("/" + entry.path) + " of what lies below";
    if (entry.path.empty()) return std::nullopt;
    const std::optional<Entry> before = was().find(entry.path);
    const std::optional<Entry> now = is().find(entry.path);
    const int kind = kind_of(before);
    const bool fits = entry.type == Type::directory ? kind <= 1 : kind == 0 || kind == 3;
    // A file takes the place of a file, and is what it is where there was none.
    const bool same = kind == kind_of(now) || (entry.type != Type::directory && fits &&
                                               (kind_of(now) == 0 || kind_of(now) == 3));
    if (!fits || !same) return differs(entry.path);
    // A directory as it lies below is repeated in the layer.
    if (kind == 1 && same_directory(entry, *before) && !same_directory(*before, *now))
      return differs(entry.path);
    return std::nullopt;
  }

  const MovedLayer& moved_;
  std::shared_ptr<const LayerIndex> index_;
};

}  // namespace

std::optional<std::string> tie_of(Store& store, const MovedLayer& moved,
                                  const std::function<bool(std::string_view)>& inherited) {
  if (moved.history == nullptr) return "the image's history does not say how it was made";
  const std::string& text = moved.history->created_by;
  const std::string_view keyword = first_word(text);
  if (keyword == "RUN") return "a RUN may depend on anything that lies below it";
  const bool copies = keyword == "COPY" || keyword == "ADD";
  if (!copies && keyword != "WORKDIR") return "nothing is known of how it was made";

  std::set<Placement> placements;
  std::set<std::string> values;  // what of the steps variables and directories can be in
  bool linked = false;
  for (const Record& record : store.records().of_layer(moved.layer.diff_id, most_records)) {
    if (!has(record, "operation", copies ? "copy" : "directory")) continue;
    const std::string* destination = value_of(record, copies ? "destination" : "path");
    const std::string* owner = value_of(record, copies ? "chown" : "owner");
    if (destination == nullptr || owner == nullptr) continue;
    values.insert({*destination, *owner});
    if (has(record, "link", "true")) {
      linked = true;
    } else {
      placements.insert({*destination, *owner});
    }
    for (const KeyPart& part : record.parts)
      if (part.label.starts_with("source[") &&
          (part.label.ends_with(".path") || part.label.ends_with(".content")))
        values.insert(part.value);
  }
  if (placements.empty() && !linked) {
    if (moved.history->comment != "buildkit.dockerfile.v0")
      return "neither a record nor the history says where it writes to";
    std::optional<Placement> placement = read_history(text, moved.working_directory, values);
    if (!placement) return "its history does not say without doubt where it writes to";
    values.insert({placement->destination, placement->owner});
    placements.insert(std::move(*placement));
  }
  for (const std::string& value : values)
    if (inherited(value))
      return quoted(value) + " may come from a variable or the working directory of the old base";
  // A COPY --link has no placement here: its layer is its own, whatever lies below it. Where
  // another step without it gave the same layer, this one may be that.
  const Placed placed(store, moved);
  for (const Placement& placement : placements)
    if (auto tie = placed.tie(placement)) return tie;
  return std::nullopt;
}

}  // namespace slipway
