#include "slow_copy.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace slipway::slow {
namespace {

using Type = Entry::Type;

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> names;
  std::string name;
  for (const char c : std::string(path) + "/") {
    if (c != '/')
      name += c;
    else if (!name.empty())
      names.push_back(std::exchange(name, {}));
  }
  return names;
}

// "." and ".." taken out without looking at what is there.
std::vector<std::string> cleaned(std::string_view path) {
  std::vector<std::string> names;
  for (const std::string& name : split(path)) {
    if (name == "..") {
      if (!names.empty()) names.pop_back();
    } else if (name != ".") {
      names.push_back(name);
    }
  }
  return names;
}

// * and ? within a name.
bool fits(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*')
    return fits(pattern.substr(1), name) || (!name.empty() && fits(pattern, name.substr(1)));
  return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) &&
         fits(pattern.substr(1), name.substr(1));
}

bool fits(const std::vector<std::string>& patterns, const std::vector<std::string>& names,
          std::size_t p = 0, std::size_t n = 0) {
  if (p == patterns.size()) return n == names.size();
  // At the end ** is what lies below, and not the directory itself.
  if (patterns[p] == "**" && p + 1 == patterns.size()) return n < names.size();
  if (patterns[p] == "**")
    return fits(patterns, names, p + 1, n) || (n < names.size() && fits(patterns, names, p, n + 1));
  return n < names.size() && fits(std::string_view(patterns[p]), names[n]) &&
         fits(patterns, names, p + 1, n + 1);
}

std::shared_ptr<Node> child(const Node& directory, const std::string& name) {
  const auto found = directory.children.find(name);
  return found == directory.children.end() ? nullptr : found->second;
}

struct Walked {
  std::vector<std::string> path;
  std::shared_ptr<Node> node;  // null: nothing is there
};

// As a process with this root walks; what does not exist stays as it is.
Walked walk(const Tree& root, std::string_view path) {
  std::vector<std::string> rest = split(path);
  std::vector<std::string> done;
  std::vector<std::shared_ptr<Node>> nodes{root};
  int links = 0;
  while (!rest.empty()) {
    const std::string name = rest.front();
    rest.erase(rest.begin());
    if (name == ".") continue;
    if (name == "..") {
      if (!done.empty()) {
        done.pop_back();
        nodes.pop_back();
      }
      continue;
    }
    const auto& here = nodes.back();
    const auto next = here && here->type == Type::directory ? child(*here, name) : nullptr;
    if (next && next->type == Type::symlink) {
      if (++links > 40) throw Refused{"too many links"};
      std::vector<std::string> target = split(next->content);
      target.insert(target.end(), rest.begin(), rest.end());
      rest = std::move(target);
      if (next->content.starts_with('/')) {
        done.clear();
        nodes.resize(1);
      }
      continue;
    }
    done.push_back(name);
    nodes.push_back(next);
  }
  return {done, nodes.back()};
}

unsigned changed_mode(std::string_view chmod, unsigned mode, bool directory) {
  if (chmod.empty()) return mode;
  if (chmod[0] >= '0' && chmod[0] <= '7')
    return static_cast<unsigned>(std::stoul(std::string(chmod), nullptr, 8));
  // "u+rx,go-w" and the like, X included.
  const bool executable = directory || (mode & 0111) != 0;
  for (std::size_t at = 0; at < chmod.size();) {
    std::string_view clause = chmod.substr(at, chmod.find(',', at) - at);
    at += clause.size() + 1;
    unsigned who = 0;
    for (; clause[0] != '+' && clause[0] != '-' && clause[0] != '='; clause.remove_prefix(1))
      who |= clause[0] == 'u' ? 0700 : clause[0] == 'g' ? 070 : clause[0] == 'o' ? 07 : 0777;
    unsigned bits = 0;
    for (const char c : clause.substr(1)) {
      if (c == 'r') bits |= 0444;
      if (c == 'w') bits |= 0222;
      if (c == 'x' || (c == 'X' && executable)) bits |= 0111;
    }
    bits &= who;
    if (clause[0] == '+')
      mode |= bits;
    else if (clause[0] == '-')
      mode &= ~bits;
    else
      mode = (mode & ~(who | (who & 0700 ? 04000u : 0u) | (who & 070 ? 02000u : 0u))) | bits;
  }
  return mode;
}

class Copy {
 public:
  Copy(const CopyFiles& operation, const Tree& root) : operation_(operation), root_(root) {
    if (!operation.chown.empty()) {
      const std::size_t colon = operation.chown.find(':');
      uid_ = static_cast<unsigned>(std::stoul(operation.chown));
      gid_ = colon == std::string::npos
                 ? uid_
                 : static_cast<unsigned>(std::stoul(operation.chown.substr(colon + 1)));
    }
  }

  void selection(const CopyFiles::Selection& selected, const Tree& from) {
    std::string base = selected.path;
    kept_.reset();
    if (operation_.parents) {
      const std::size_t pivot = base.find("/./");
      const std::string behind = pivot == std::string::npos ? base : base.substr(pivot + 3);
      base = pivot == std::string::npos ? "" : base.substr(0, pivot);
      kept_ = cleaned(behind);
      if (!selected.wildcards && !walk(from, "/" + base + "/" + behind).node)
        throw Refused{"no source"};
      if (kept_->empty()) kept_.reset();
    }
    for (const std::vector<std::string>& path : matching(base, selected.wildcards, from)) {
      std::string text;
      for (const std::string& name : path) text += "/" + name;
      const Walked found = walk(from, text);
      if (!found.node) throw Refused{"no source"};
      links_.clear();
      top(found.node, path.empty() ? "" : path.back());
    }
  }

 private:
  std::vector<std::vector<std::string>> matching(const std::string& text, bool wildcards,
                                                 const Tree& from) {
    std::vector<std::string> names = cleaned(text);
    const auto is_wild = [](const std::string& name) {
      return name.find_first_of("*?") != std::string::npos;
    };
    const auto first = std::find_if(names.begin(), names.end(), is_wild);
    if (!wildcards || first == names.end()) return {names};
    std::string literal;
    for (auto name = names.begin(); name != first; ++name) literal += "/" + *name;
    const Walked start = walk(from, literal);
    if (!start.node) throw Refused{"no source"};
    std::vector<std::vector<std::string>> found;
    const std::vector<std::string> patterns(first, names.end());
    std::function<void(const Node&, std::vector<std::string>, std::size_t)> descend =
        [&](const Node& directory, const std::vector<std::string>& path, std::size_t depth) {
          for (const auto& [name, node] : directory.children) {
            if (!fits(std::string_view(patterns[depth]), name)) continue;
            std::vector<std::string> to = path;
            to.push_back(name);
            if (depth + 1 == patterns.size())
              found.push_back(to);
            else if (node->type == Type::directory)
              descend(*node, to, depth + 1);
          }
        };
    if (start.node->type == Type::directory) descend(*start.node, start.path, 0);
    return found;
  }

  std::shared_ptr<Node> make(const std::vector<std::string>& path) {
    std::shared_ptr<Node> at = root_;
    for (const std::string& name : path) {
      auto next = child(*at, name);
      if (!next) {
        next = std::make_shared<Node>();
        const bool octal = !operation_.chmod.empty() && operation_.chmod[0] <= '7';
        next->mode = octal ? changed_mode(operation_.chmod, 0, true) & 0777 : 0755;
        next->uid = uid_.value_or(0);
        next->gid = gid_.value_or(0);
        at->children[name] = next;
      }
      if (next->type != Type::directory) throw Refused{"in the way"};
      at = next;
    }
    return at;
  }

  void top(const std::shared_ptr<Node>& source, const std::string& name) {
    const std::string& text = operation_.destination;
    const bool as_directory = text.ends_with('/') || text.ends_with("/.");
    if (as_directory)
      make(walk(root_, text).path);
    else if (text.find('/') != std::string::npos)
      make(walk(root_, text.substr(0, text.rfind('/'))).path);
    Walked target = walk(root_, text);
    if (source->type == Type::directory) {
      if (target.node && target.node->type != Type::directory) throw Refused{"onto a file"};
      const auto directory = make(target.path);
      parents_.clear();
      children(*source, *directory, {});
      return;
    }
    if (target.node && target.node->type == Type::directory) target.path.push_back(name);
    if (target.path.empty()) throw Refused{"onto the root"};
    const std::string last = target.path.back();
    target.path.pop_back();
    const auto directory = make(target.path);
    const auto there = child(*directory, last);
    if (there && there->type == Type::directory) throw Refused{"over a directory"};
    directory->children[last] = copied(source);
  }

  // Rules as moby/patternmatcher goes through them, front after front.
  bool excluded(const std::vector<std::string>& names) const {
    std::vector<bool> above(operation_.exclude.size());
    bool out = false;
    for (std::size_t size = 1; size <= names.size(); ++size) {
      const std::vector<std::string> front(names.begin(),
                                           names.begin() + static_cast<std::ptrdiff_t>(size));
      out = false;
      for (std::size_t i = 0; i < above.size(); ++i) {
        std::string_view rule = operation_.exclude[i];
        const bool again = rule.starts_with('!');
        if (again) rule.remove_prefix(1);
        above[i] = above[i] || (again == out && fits(split(rule), front));
        if (above[i]) out = !again;
      }
    }
    return out;
  }

  bool kept(const std::vector<std::string>& names) const {
    if (!kept_) return true;
    for (std::size_t size = 1; size <= names.size(); ++size) {
      if (fits(*kept_, {names.begin(), names.begin() + static_cast<std::ptrdiff_t>(size)}))
        return true;
    }
    return false;
  }

  std::shared_ptr<Node> copied(const std::shared_ptr<Node>& source) {
    if (const auto known = links_.find(source.get()); known != links_.end()) return known->second;
    auto node = std::make_shared<Node>();
    node->type = source->type;
    node->content = source->content;
    node->major = source->major;
    node->minor = source->minor;
    node->copied = true;
    describe(*node, *source);
    if (source->type == Type::file) links_[source.get()] = node;
    return node;
  }

  void describe(Node& node, const Node& source) const {
    node.mode = source.type == Type::symlink
                    ? source.mode
                    : changed_mode(operation_.chmod, source.mode, source.type == Type::directory);
    node.uid = uid_.value_or(source.uid);
    node.gid = gid_.value_or(source.gid);
    for (const auto& [name, value] : source.xattrs) node.xattrs[name] = value;
  }

  // A directory on the way whose own entry was not selected, until something in it is.
  struct Waiting {
    const Node* source;
    std::string name;
    Node* in;
    Node* made = nullptr;
    bool done = false;
  };

  Node& parent(Node& top_directory) {
    Node* at = &top_directory;
    for (Waiting& waiting : parents_) {
      const auto there = child(*at, waiting.name);
      if (!waiting.done) {
        waiting.done = true;
        if (there && there->type != Type::directory) throw Refused{"onto a file"};
        if (!there) {
          auto made = std::make_shared<Node>();
          describe(*made, *waiting.source);
          at->children[waiting.name] = made;
        } else {
          there->mode = waiting.source->mode;
        }
      }
      at = child(*at, waiting.name).get();
    }
    return *at;
  }

  void children(const Node& source, Node& top_directory, const std::vector<std::string>& above) {
    for (const auto& [name, node] : source.children) {
      std::vector<std::string> names = above;
      names.push_back(name);
      const bool selected = kept(names) && !excluded(names);
      if (node->type != Type::directory) {
        if (!selected) continue;
        Node& in = parent(top_directory);
        const auto there = child(in, name);
        if (there && there->type == Type::directory) throw Refused{"over a directory"};
        in.children[name] = copied(node);
        continue;
      }
      if (selected) {
        Node& in = parent(top_directory);
        const auto there = child(in, name);
        if (there && there->type != Type::directory) throw Refused{"onto a file"};
        if (!there) in.children[name] = std::make_shared<Node>();
        describe(*child(in, name), *node);
      }
      parents_.push_back({node.get(), name, nullptr, nullptr, selected});
      children(*node, top_directory, names);
      parents_.pop_back();
    }
  }

  const CopyFiles& operation_;
  Tree root_;
  std::optional<unsigned> uid_;
  std::optional<unsigned> gid_;
  std::optional<std::vector<std::string>> kept_;
  std::map<const Node*, std::shared_ptr<Node>> links_;
  std::vector<Waiting> parents_;
};

void visit(const Node& directory, const std::string& path,
           const std::function<void(const std::string&, const std::shared_ptr<Node>&)>& see) {
  for (const auto& [name, node] : directory.children) {
    const std::string here = path.empty() ? name : path + "/" + name;
    see(here, node);
    if (node->type == Type::directory) visit(*node, here, see);
  }
}

Entry entry_of(const std::string& path, const Node& node) {
  Entry entry;
  entry.path = path;
  entry.type = node.type;
  entry.mode = node.mode;
  entry.uid = node.uid;
  entry.gid = node.gid;
  entry.device_major = node.major;
  entry.device_minor = node.minor;
  if (node.type == Type::symlink) entry.link_target = node.content;
  if (node.type == Type::file) {
    entry.size = node.content.size();
    entry.content = sha256(node.content);
  }
  entry.xattrs.assign(node.xattrs.begin(), node.xattrs.end());
  return entry;
}

}  // namespace

Tree tree_of(const std::vector<std::string>& texts) {
  auto root = std::make_shared<Node>();
  for (const std::string& text : texts) {
    std::map<std::string, std::shared_ptr<Node>> files;
    for (const TreeLine& line : parse_tree(text)) {
      const Entry& entry = line.entry;
      std::vector<std::string> names = split(entry.path);
      if (names.empty()) continue;
      const std::string last = names.back();
      names.pop_back();
      std::shared_ptr<Node> at = root;
      for (const std::string& name : names) at = child(*at, name);
      auto& node = at->children[last];
      if (!entry.hard_link.empty()) {
        node = files.at(entry.hard_link);
        continue;
      }
      if (!node || node->type != entry.type || entry.type != Type::directory)
        node = std::make_shared<Node>();
      node->type = entry.type;
      node->mode = entry.mode;
      node->uid = entry.uid;
      node->gid = entry.gid;
      node->major = entry.device_major;
      node->minor = entry.device_minor;
      node->content = entry.type == Type::symlink ? entry.link_target : line.content;
      node->xattrs = {entry.xattrs.begin(), entry.xattrs.end()};
      files[entry.path] = node;
    }
  }
  return root;
}

Tree context_of(const std::string& text) {
  Tree root = tree_of({text});
  visit(*root, "", [](const std::string&, const std::shared_ptr<Node>& node) {
    node->uid = 0;
    node->gid = 0;
    node->xattrs.clear();
  });
  return root;
}

void copy(const CopyFiles& operation, const std::vector<Tree>& inputs, const Tree& root) {
  Copy copying(operation, root);
  for (const auto& source : operation.sources) {
    const auto& selection = std::get<CopyFiles::Selection>(source);
    copying.selection(selection, inputs.at(selection.input));
  }
}

std::vector<Entry> entries(const Node& root) {
  std::vector<Entry> all;
  visit(root, "", [&all](const std::string& path, const std::shared_ptr<Node>& node) {
    all.push_back(entry_of(path, *node));
  });
  return all;
}

std::vector<std::vector<std::string>> link_groups(const Node& root) {
  std::map<const Node*, std::vector<std::string>> names;
  visit(root, "", [&names](const std::string& path, const std::shared_ptr<Node>& node) {
    if (node->copied && node->type == Type::file) names[node.get()].push_back(path);
  });
  std::vector<std::vector<std::string>> groups;
  for (auto& [node, paths] : names) {
    if (paths.size() > 1) groups.push_back(std::move(paths));
  }
  return groups;
}

}  // namespace slipway::slow
