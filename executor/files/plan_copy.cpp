#include <executor/files/copy.hpp>

#include <cache/layers/beneath.hpp>
#include <cache/layers/extract.hpp>
#include <executor/files/destination.hpp>
#include <executor/files/file_mode.hpp>
#include <executor/files/not_found.hpp>
#include <executor/files/owner.hpp>
#include <executor/files/resolve.hpp>
#include <executor/files/select.hpp>
#include <executor/files/walk_filter.hpp>
#include <ir/error.hpp>
#include <ir/pattern.hpp>

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace slipway {
namespace {

using Type = Entry::Type;

// The source of an item that is being copied.
struct Source {
  const SourceTree* tree = nullptr;
  std::size_t input = 0;
  std::string top;     // the selected path, free of links
  std::string target;  // where that goes
};

// One COPY or ADD, source by source, in the order and with the outcomes of BuildKit's copy
// (reference.md#copy): what an earlier source put down is there for a later one.
class Copier {
 public:
  Copier(const CopyFiles& operation, const std::vector<const SourceTree*>& inputs,
         const StackView& below)
      : operation_(operation),
        inputs_(inputs),
        destination_(below),
        mode_(operation.chmod),
        owner_(parse_owner(operation.chown, below)),
        exclude_(operation.exclude) {}

  CopyPlan plan() {
    for (const auto& source : operation_.sources) {
      if (const auto* file = std::get_if<CopyFiles::InlineFile>(&source)) {
        copy_inline(*file);
      } else {
        const auto& selection = std::get<CopyFiles::Selection>(source);
        try {
          copy_selection(selection);
        } catch (Error& error) {
          // The word, where the vertex' own place would be the whole instruction.
          if (selection.origin.span) error.at(selection.origin.span);
          throw;
        }
      }
    }
    plan_.items = destination_.finish();
    return std::move(plan_);
  }

 private:
  void copy_selection(const CopyFiles::Selection& selection) {
    const SourceTree& tree = *inputs_.at(selection.input);
    const Selected selected = select_paths(selection, operation_.parents, tree);
    for (const std::string& path : selected.paths) {
      StackView::Resolved found = tree.resolve(path, true);
      if (!found.entry) throw not_found(path, tree, selection.origin.written);
      Source source{&tree, selection.input, std::move(found.path), ""};
      if (selection.unpack && unpack(source, *found.entry, selection.origin)) continue;
      source.target = target_of(*found.entry, base_name(path));
      filter_.include = selected.include ? &*selected.include : nullptr;
      links_.clear();
      copy_top(source, *found.entry);
    }
  }

  void copy_inline(const CopyFiles::InlineFile& file) {
    PlanItem item;
    item.entry.type = Type::file;
    item.entry.mode = mode_.apply(0644, false);
    item.entry.size = file.content.size();
    item.entry.content = sha256(file.content);
    const Owner owner = owner_.value_or(Owner{});
    item.entry.uid = owner.uid;
    item.entry.gid = owner.gid;
    item.entry.path = target_of(item.entry, base_name(file.name));
    item.bytes = file.content;
    refuse_directory(item.entry.path);
    note_archives(item.entry.path);
    destination_.put_untimed(std::move(item));
  }

  void make_directories(std::string_view path) {
    destination_.make_directories(path, mode_.of_made_directory(), owner_.value_or(Owner{}));
  }

  // Where a source goes; makes the directories that must be there for it.
  std::string target_of(const Entry& source, std::string_view name) {
    std::string_view text = operation_.destination;
    const bool says_directory = text.ends_with('/') || text.ends_with("/.");
    const std::size_t slash = text.rfind('/');
    const std::string_view ensured =
        says_directory || slash == std::string_view::npos ? text : text.substr(0, slash);
    if (says_directory || slash != std::string_view::npos)
      make_directories(destination_.resolve(ensured, true).path);

    const StackView::Resolved found = destination_.resolve(text, true);
    std::string target = found.path;
    const bool from_directory = source.type == Type::directory;
    if (!from_directory && found.entry && found.entry->type == Type::directory)
      target = join(target, name);
    make_directories(from_directory && !found.entry ? std::string_view(target)
                                                    : parent_path(target));
    return target;
  }

  bool unpack(const Source& source, const Entry& entry, const Origin& origin) {
    if (entry.type != Type::file) return false;
    DescriptorSource bytes(FileDescriptor(source.tree->open(entry)), entry.path);
    if (!is_archive(bytes)) return false;
    CopyPlan::Archive archive;
    archive.input = source.input;
    archive.source = entry.path;
    archive.origin = origin.span;
    archive.destination = destination_.resolve(operation_.destination, true).path;
    archive.content = source.tree->digest(entry);
    if (owner_) archive.owner.emplace(owner_->uid, owner_->gid);
    // 0755 whatever --chmod says, which does not reach archives.
    destination_.make_directories(archive.destination, 0755, owner_.value_or(Owner{}));
    plan_.archives.push_back(std::move(archive));
    return true;
  }

  // What was named is copied whatever --exclude says, and a directory that is there keeps its
  // metadata.
  void copy_top(const Source& source, const Entry& entry) {
    if (entry.type != Type::directory) {
      refuse_directory(source.target);
      put(source, entry, source.target, std::nullopt);
      return;
    }
    const std::optional<Entry> there = destination_.find(source.target);
    refuse_other(source.target, there, entry, source);
    copy_children(source, entry, "", source.target, false, nullptr);
    // Its time is what the top of a tree does hand on, also to a directory that was there.
    destination_.set_time(source.target, entry.mtime);
  }

  struct Parent {
    Entry entry;
    std::string target;
    bool copied = false;
  };

  // `is_new`: nothing was at `target` before.
  void copy_children(const Source& source, const Entry& directory, const std::string& relative,
                     const std::string& target, bool is_new, const WalkFilter::Parent* parent) {
    const std::vector<std::string> below =
        is_new ? std::vector<std::string>() : destination_.names_below(target);
    for (const Entry& child : source.tree->children(directory.path)) {
      const std::string_view name = base_name(child.path);
      const std::string to = join(target, name);
      std::optional<Entry> there;
      if (std::optional<PlanItem> item = destination_.planned(to))
        there = std::move(item->entry);
      else if (std::binary_search(below.begin(), below.end(), name))
        there = destination_.find(to);
      copy_nested(source, child, join(relative, name), to, there, parent);
    }
  }

  void copy_nested(const Source& source, const Entry& entry, const std::string& relative,
                   const std::string& target, const std::optional<Entry>& there,
                   const WalkFilter::Parent* parent) {
    WalkFilter::Parent own;
    const WalkFilter::Verdict verdict = filter_.judge(relative, parent, own);
    const bool copied = verdict.taken();

    if (entry.type != Type::directory) {
      if (!copied) return;
      copy_parents(source);
      if (there && there->type == Type::directory) throw file_over_directory(target);
      put(source, entry, target, std::nullopt);
      return;
    }
    if (copied) {
      copy_parents(source);
      refuse_other(target, there, entry, source);
      put(source, entry, target, there);
    }
    if (!filter_.may_hold(relative, verdict)) return;
    parents_.push_back({entry, target, copied});
    copy_children(source, entry, relative, target, !there, &own);
    parents_.pop_back();
  }

  // A directory that was not selected itself comes into being with the first thing in it.
  void copy_parents(const Source& source) {
    for (Parent& parent : parents_) {
      if (std::exchange(parent.copied, true)) continue;
      const std::optional<Entry> there = destination_.find(parent.target);
      refuse_other(parent.target, there, parent.entry, source);
      if (!there) {
        put(source, parent.entry, parent.target, std::nullopt);
      } else if (there->mode != parent.entry.mode) {
        // BuildKit's rule: one that is there gets the source's mode and nothing else.
        PlanItem item = destination_.planned(parent.target).value_or(PlanItem{});
        item.entry = *there;
        item.entry.opaque = false;
        item.entry.mode = parent.entry.mode;
        note_archives(parent.target);
        destination_.put(std::move(item));
      }
    }
  }

  // `there`: the directory that gets the source's metadata.
  void put(const Source& source, const Entry& entry, const std::string& target,
           const std::optional<Entry>& there) {
    if (entry.type == Type::char_device && entry.device_major == 0 && entry.device_minor == 0)
      throw Error(quoted(entry.path) + " of the " + source.tree->name() +
                  " is a character device 0:0, which layers cannot hold");
    PlanItem item;
    item.entry = entry;
    item.entry.path = target;
    item.entry.opaque = false;
    item.entry.hard_link.clear();
    if (entry.type != Type::symlink)
      item.entry.mode = mode_.apply(entry.mode, entry.type == Type::directory);
    if (owner_) {
      item.entry.uid = owner_->uid;
      item.entry.gid = owner_->gid;
    }
    if (there) {
      for (const auto& xattr : there->xattrs) {
        const auto same_name = [&](const auto& other) { return other.first == xattr.first; };
        if (std::none_of(entry.xattrs.begin(), entry.xattrs.end(), same_name))
          item.entry.xattrs.push_back(xattr);
      }
      std::sort(item.entry.xattrs.begin(), item.entry.xattrs.end());
    }
    item.input = source.input;
    item.source = entry.path;
    note_archives(target);
    destination_.put(std::move(item));
    if (!entry.hard_link.empty()) tie(source, entry, target);
  }

  void note_archives(const std::string& target) {
    if (!plan_.archives.empty()) plan_.behind_archives[target] = plan_.archives.size();
  }

  // `entry` is a name of the file `entry.hard_link`, which is that of all its names and may be this
  // one.
  void tie(const Source& source, const Entry& entry, const std::string& target) {
    std::string key = entry.hard_link;
    const std::optional<Entry> leader = source.tree->find(entry.hard_link);
    // In a stack of layers the name may have become another file since.
    const bool same = leader && leader->type == Type::file && leader->size == entry.size &&
                      leader->mode == entry.mode && leader->uid == entry.uid &&
                      leader->gid == entry.gid && leader->mtime == entry.mtime &&
                      (leader->content == entry.content || leader->content == Digest{} ||
                       entry.content == Digest{});
    if (!same) key += '\0';
    const auto [found, is_new] = links_.try_emplace(std::move(key), next_group_);
    if (is_new) {
      ++next_group_;
      if (same && entry.path != entry.hard_link && path_within(entry.hard_link, source.top)) {
        const std::string_view relative =
            std::string_view(entry.hard_link)
                .substr(source.top.empty() ? 0 : source.top.size() + 1);
        const std::string first = join(source.target, relative);
        const std::optional<PlanItem> item = destination_.planned(first);
        if (item && item->source == entry.hard_link && item->input == source.input)
          destination_.join_group(first, found->second);
      }
    }
    destination_.join_group(target, found->second);
  }

  static Error file_over_directory(const std::string& target) {
    return Error(quoted("/" + target) + " is a directory, which a file cannot replace");
  }

  void refuse_directory(const std::string& target) const {
    const std::optional<Entry> there = destination_.find(target);
    if (there && there->type == Type::directory) throw file_over_directory(target);
  }

  static void refuse_other(const std::string& target, const std::optional<Entry>& there,
                           const Entry& entry, const Source& source) {
    if (!there || there->type == Type::directory) return;
    Error error("the directory " + quoted(entry.path) + " of the " + source.tree->name() +
                " cannot be copied onto " + quoted("/" + target) + ", which is no directory");
    if (there->type != Type::symlink) throw error;
    throw std::move(error).hint("it is a link to " + quoted(there->link_target) +
                                ": copy to that, or remove the link first");
  }

  const CopyFiles& operation_;
  const std::vector<const SourceTree*>& inputs_;
  Destination destination_;
  const ModeChange mode_;
  const std::optional<Owner> owner_;
  const IgnoreRules exclude_;
  CopyPlan plan_;

  // Of the selected path that is being copied.
  WalkFilter filter_{nullptr, &exclude_};
  std::vector<Parent> parents_;  // nested directories from its top down to here
  std::unordered_map<std::string, std::uint64_t> links_;  // path of a file: its group
  std::uint64_t next_group_ = 0;
};

}  // namespace

CopyPlan plan_copy(const CopyFiles& operation, const std::vector<const SourceTree*>& inputs,
                   const StackView& below, Contents contents) {
  CopyPlan plan = Copier(operation, inputs, below).plan();
  if (contents == Contents::hashed) hash_contents(plan, inputs);
  return plan;
}

CopyPlan plan_directory(const MakeDirectory& operation, const StackView& below) {
  Destination destination(below);
  destination.make_directories(destination.resolve(operation.path, true).path,
                               operation.mode & 0777,
                               parse_owner(operation.owner, below).value_or(Owner{}));
  CopyPlan plan;
  plan.items = destination.finish();
  return plan;
}

}  // namespace slipway
