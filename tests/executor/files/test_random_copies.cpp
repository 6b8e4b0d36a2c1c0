// Random trees, copied with random flags, beside a slow implementation of the same: SLIPWAY_SEED=N
// in the environment is one of them again.
#include "copy_fixture.hpp"
#include "slow_copy.hpp"

#include <cache/layers/tree_digest.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

using namespace slipway;

namespace {

using Type = Entry::Type;

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  unsigned below(unsigned count) { return static_cast<unsigned>(engine_() % count); }
  bool once_in(unsigned count) { return below(count) == 0; }
  template <class T, std::size_t Size>
  T of(const T (&choices)[Size]) {
    return choices[below(Size)];
  }

 private:
  std::mt19937 engine_;
};

constexpr const char* names[] = {"a", "b", "c", "\xff\x01", ".wh", "\xc3\xa9*"};

std::string random_path(Dice& dice) {
  std::string path = dice.of(names);
  while (dice.once_in(2) && path.size() < 12) path += std::string("/") + dice.of(names);
  return path;
}

// In the fixture's text form. What is below a file would not be a tree.
std::string random_tree(Dice& dice, bool layer) {
  std::map<std::string, std::string> lines;
  std::vector<std::string> files;
  std::set<std::string> closed;  // no directory may be here
  std::set<std::string> open;    // only a directory may
  for (unsigned left = 2 + dice.below(10); left > 0; --left) {
    const std::string path = random_path(dice);
    bool fits = !closed.contains(path);
    for (std::string_view above = parent_path(path); !above.empty(); above = parent_path(above))
      fits = fits && !closed.contains(std::string(above));
    if (!fits) continue;
    for (std::string_view above = parent_path(path); !above.empty(); above = parent_path(above))
      open.emplace(above);
    const unsigned kind = open.contains(path) ? 0 : dice.below(11);
    std::string said;
    if (kind <= 4) {
      constexpr const char* modes[] = {" 0644",  " 0600",  " 0755", " 04755",
                                       " 02711", " 01777", " 0000"};
      constexpr const char* owners[] = {" 0:0", " 1:2", " 1000:100"};
      said = std::string(dice.of(modes)) + dice.of(owners);
      if (layer && dice.once_in(3)) said += dice.once_in(2) ? " user.one=1" : " user.two=22";
    }
    if (kind <= 1) {
      lines[path] = path + "/" + said;
      open.insert(path);
      continue;
    }
    closed.insert(path);
    if (kind <= 4) {
      lines[path] =
          path + said + " =" + std::string(dice.below(3), 'x') + (dice.once_in(2) ? path : "");
      files.push_back(path);
    } else if (kind == 5) {
      // Layers hold no sockets, and a context's become empty files.
      constexpr const char* others[] = {" |", " | 0600 1:2", " c1,3 0666", " b7,0 0660 0:6"};
      lines[path] = path + (!layer && dice.once_in(3) ? " !" : dice.of(others));
    } else if (kind == 6 || files.empty()) {
      constexpr const char* targets[] = {"a", "b/c", "/", "/a/b", "..", "../../c", "gone", "/c"};
      lines[path] = path + " -> " + dice.of(targets);
    } else {
      // The first of a file's names is the file.
      std::string first = files[dice.below(static_cast<unsigned>(files.size()))];
      lines[path] = path + " == " + first;
    }
  }
  // A hard link names the first of its file's names, in path order.
  std::string text;
  for (auto& [path, line] : lines) {
    const std::size_t link = line.find(" == ");
    if (link != std::string::npos && path_less(path, line.substr(link + 4)))
      line = path + " =" + path;
    text += line + "\n";
  }
  return text;
}

std::string random_source(Dice& dice, const slow::Tree& tree) {
  constexpr const char* wild[] = {"*", "a*", "?", "*/b", "a/*", "*/*", "\xff*"};
  if (dice.once_in(8)) return dice.once_in(2) ? "." : "";
  if (dice.once_in(4)) return dice.of(wild);
  const std::vector<Entry> all = slow::entries(*tree);
  if (all.empty() || dice.once_in(12)) return random_path(dice);
  return all[dice.below(static_cast<unsigned>(all.size()))].path;
}

CopyFiles random_copy(Dice& dice, const std::vector<slow::Tree>& inputs, const slow::Tree& below) {
  CopyFiles copy;
  constexpr const char* modes[] = {"0640",   "4711", "0",         "u+x",
                                   "go-rwx", "a+X",  "u=rw,go=r", "g+w,o-x"};
  constexpr const char* owners[] = {"7:8", "9", "0:0"};
  constexpr const char* rules[] = {"a",  "b",    "*/b", "**/c",  "!a/b",
                                   "!b", "a/**", "*",   "!**/a", "a/*"};
  if (dice.once_in(3)) copy.chmod = dice.of(modes);
  if (dice.once_in(3)) copy.chown = dice.of(owners);
  for (unsigned left = dice.once_in(2) ? dice.below(3) : 0; left > 0; --left)
    copy.exclude.push_back(dice.of(rules));
  copy.link = dice.once_in(4);
  copy.parents = dice.once_in(4);
  const std::uint32_t input = 1 + dice.below(2);
  const bool several = dice.once_in(4);
  for (int left = several ? 2 : 1; left > 0; --left) {
    CopyFiles::Selection selection;
    selection.input = input;
    selection.path = random_source(dice, inputs[input]);
    if (copy.parents && dice.once_in(2)) {
      if (const std::size_t slash = selection.path.find('/'); slash != std::string::npos)
        selection.path.insert(slash, "/.");
    }
    selection.wildcards = selection.path.find_first_of("*?") != std::string::npos;
    copy.sources.emplace_back(selection);
  }
  constexpr const char* places[] = {"/", "/new", "/new/", "/new/deep", "/a/../b/", "/."};
  const std::vector<Entry> all = slow::entries(*below);
  if (all.empty() || dice.once_in(2))
    copy.destination = dice.of(places);
  else
    copy.destination = "/" + all[dice.below(static_cast<unsigned>(all.size()))].path;
  if (!copy.destination.ends_with('/') && (several || dice.once_in(3)))
    copy.destination += dice.once_in(6) ? "/." : "/";
  if (dice.once_in(8) && copy.destination.ends_with('/')) copy.destination += "in/side/";
  return copy;
}

std::string instruction(const CopyFiles& copy) {
  std::string text = "COPY";
  if (!copy.chmod.empty()) text += " --chmod=" + copy.chmod;
  if (!copy.chown.empty()) text += " --chown=" + copy.chown;
  for (const std::string& rule : copy.exclude) text += " --exclude=" + rule;
  if (copy.link) text += " --link";
  if (copy.parents) text += " --parents";
  for (const auto& source : copy.sources) {
    const auto& selection = std::get<CopyFiles::Selection>(source);
    text += (selection.input == 2 ? " stage:" : " ") + selection.path;
  }
  return text + " " + copy.destination;
}

// What a stack shows, in path order, without times, marks and hard links.
void list(const StackView& view, std::string directory, std::vector<Entry>& all) {
  for (const std::string& name : view.list(directory)) {
    std::optional<Entry> entry = view.find(directory.empty() ? name : directory + "/" + name);
    REQUIRE(entry);
    entry->mtime = 0;
    entry->opaque = false;
    entry->hard_link.clear();
    all.push_back(*entry);
    if (entry->type == Type::directory) list(view, all.back().path, all);
  }
}

std::string print(const std::vector<Entry>& entries) {
  std::vector<TreeLine> lines;
  for (const Entry& entry : entries) lines.push_back({entry, entry.content.hex().substr(0, 8)});
  return print_tree(lines);
}

TreeDigest digest(const std::vector<Entry>& entries) {
  TreeHasher hasher;
  for (const Entry& entry : entries) hasher.add(entry);
  return hasher.finish();
}

// Some hundred thousand files are made and removed: in memory, where that keeps xattrs (Linux 6.6).
void use_memory() {
  std::string probe = "/dev/shm/slipway-probe-XXXXXX";
  const int file = ::mkstemp(probe.data());
  if (file < 0) return;
  if (::fsetxattr(file, "user.probe", "1", 1, 0) == 0) ::setenv("TMPDIR", "/dev/shm", 0);
  ::close(file);
  ::unlink(probe.c_str());
}

struct Counts {
  int copied = 0;
  int refused = 0;
  int linked = 0;  // sets of hard links that came with a copy
};

void try_seed(unsigned seed, Counts& counts) {
  Dice dice(seed);
  CopyBench bench;
  const std::string context = random_tree(dice, false);
  const std::string stage = random_tree(dice, true);
  std::vector<std::string> below;
  for (unsigned left = dice.below(3); left > 0; --left) below.push_back(random_tree(dice, true));
  bench.context(context);
  bench.stage(stage);
  std::string told = "context:\n" + context + "stage:\n" + stage;
  for (const std::string& layer : below) {
    bench.below(layer);
    told += "below:\n" + layer;
  }
  const std::vector<slow::Tree> inputs{nullptr, slow::context_of(context), slow::tree_of({stage})};
  const CopyFiles copy = random_copy(dice, inputs, slow::tree_of(below));
  INFO("SLIPWAY_SEED=" << seed << "\n" << told << instruction(copy));

  const slow::Tree expected = slow::tree_of(copy.link ? std::vector<std::string>() : below);
  std::string refused;
  try {
    slow::copy(copy, inputs, expected);
  } catch (const slow::Refused& why) {
    refused = why.why;
  }
  std::optional<BuiltLayer> built;
  std::string error;
  const StackView under = copy.link ? StackView({}) : bench.view();
  const Staging staging(bench.folder() / "own");
  try {
    const std::vector<const SourceTree*> trees = bench.inputs();
    built = write_copy(plan_copy(copy, trees, under), trees, under, staging);
  } catch (const Error& failed) {
    error = failed.what();
  }
  INFO("the slow one refused: " << refused << "\nthe error: " << error);
  REQUIRE(refused.empty() == error.empty());
  if (!built) {
    ++counts.refused;
    return;
  }
  ++counts.copied;
  print_layer(*built, staging.upper());  // compares index and disk
  const auto index = LayerIndex::from_bytes(built->index);
  std::vector<StackView::Layer> layers = under.layers();
  layers.push_back({staging.upper(), index});
  std::vector<Entry> actual;
  list(StackView(std::move(layers)), "", actual);
  const std::vector<Entry> wanted = slow::entries(*expected);
  REQUIRE(print(actual) == print(wanted));
  REQUIRE(digest(actual) == digest(wanted));

  for (const std::vector<std::string>& group : slow::link_groups(*expected)) {
    ++counts.linked;
    // All of them in the layer and one file, or none of them because it was there before.
    std::size_t present = 0;
    std::string first;
    for (const std::string& name : group) {
      const std::optional<std::size_t> position = index->find(name);
      if (!position) continue;
      const Entry entry = index->entry(*position);
      if (present++ == 0)
        first = name;
      else
        CHECK(entry.hard_link == first);
    }
    CHECK((present == 0 || present == group.size()));
  }
}

}  // namespace

TEST_CASE("random copies give the tree that a slow implementation works out") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: files get owners, which takes root");
    return;
  }
  use_memory();
  Counts counts;
  if (const char* seed = std::getenv("SLIPWAY_SEED")) {
    try_seed(static_cast<unsigned>(std::stoul(seed)), counts);
    return;
  }
  constexpr unsigned seeds = 2'000;
  for (unsigned seed = 0; seed < seeds; ++seed) try_seed(seed, counts);
  CHECK(counts.copied > 800);
  CHECK(counts.refused > 50);
  CHECK(counts.linked > 20);
}
