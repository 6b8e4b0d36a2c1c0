// Trees as text, and COPY on them: what the cases of this folder are written in.
//
// A tree is a line per entry, in any order; directories above an entry come by themselves:
//
//   dir/ 0700 1:2            a directory; without mode and owner 0755 0:0
//   dir/file 0600 1:2 =text  a file; without them 0644 0:0, and its own name as content
//   link -> target           a symlink
//   other == dir/file        a hard link
//   pipe |                   a named pipe
//   null c1,3                a character device; b8,0 a block device
//   socket !                 a socket, on disk; in a layer it is the empty file that becomes of it
//   file user.name=value     with an extended attribute
//   file @1500000000         with a time of its own
//
// In contents \n, \t and \\ stand for those bytes; in names "␠" is a blank.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/layers/stack.hpp>
#include <executor/files/context.hpp>
#include <executor/files/copy.hpp>
#include <ir/error.hpp>
#include <ir/operation.hpp>

#include <cache/temporary_folder.hpp>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

constexpr std::int64_t usual_time = 1'600'000'000;

struct TreeLine {
  Entry entry;
  std::string content;
  bool is_socket = false;
};
// In path order, with the directories above. Throws std::logic_error for a line it cannot read.
std::vector<TreeLine> parse_tree(std::string_view text);
// The same as canonical text: one entry a line, everything written out.
std::string print_tree(const std::vector<TreeLine>& lines);

// Makes the tree on disk: modes, links, xattrs and (as root) owners and devices. Every time that
// the text does not say is `mtime`.
void make_tree(const std::filesystem::path& directory, std::string_view text,
               std::int64_t mtime = usual_time);

// A layer from text, in a folder of its own below `folder`.
StackView::Layer make_layer(const std::filesystem::path& folder, std::string_view text);

// "COPY --chown=1:2 a b /dir/" and ADD, as lowering would have it. A source "<<name=text" is a
// heredoc. Words are split at blanks; there is no quoting.
CopyFiles parse_copy(std::string_view instruction);

// One COPY, with all it reads.
class CopyBench {
 public:
  // Trees as text; "" has no layer at all.
  void context(std::string_view tree) { context_ = tree; }
  void stage(std::string_view tree) { stage_ = tree; }              // for --from=stage
  void below(std::string_view tree) { below_.emplace_back(tree); }  // once a layer, lowest first
  void ignore(std::vector<std::string> patterns) { ignore_ = std::move(patterns); }

  const std::filesystem::path& folder() const { return folder_.path(); }
  // The trees on disk; made by the first use.
  std::filesystem::path context_directory();
  CopyPlan plan(const CopyFiles& operation);
  // The layer as canonical text. The tree on disk was compared with it.
  std::string run(std::string_view instruction);
  std::string run_directory(const MakeDirectory& operation);
  // The message of the Error that the instruction ends in, and its hint behind " / "; "" if none.
  std::string error(std::string_view instruction);

  std::vector<const SourceTree*> inputs();
  StackView view();
  // Writes what is planned; the upper directory stays until the bench goes.
  BuiltLayer write(const CopyPlan& plan);
  std::filesystem::path upper() const { return stagings_.back()->upper(); }
  void forget_context() { tree_.reset(); }  // the next use walks again
  const SourceTree& context_tree();

 private:
  std::string listing(const CopyPlan& plan);

  TemporaryFolder folder_;
  std::string context_;
  std::string stage_;
  std::vector<std::string> below_;
  std::vector<std::string> ignore_;
  bool made_ = false;
  std::vector<StackView::Layer> layers_;
  std::unique_ptr<Context> tree_;
  std::unique_ptr<SourceTree> stage_tree_;
  std::vector<std::unique_ptr<Staging>> stagings_;
};

// The entries of a layer as canonical text, with contents from its directory. Fails the test where
// index and directory differ.
std::string print_layer(const BuiltLayer& layer, const std::filesystem::path& directory);

// Says aloud that a test is skipped, if files cannot be given owners here.
bool skipped();

// What the action's Error says; "" if there is none.
std::string message_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace slipway
