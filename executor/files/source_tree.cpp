#include <executor/files/source_tree.hpp>

#include <cache/file_descriptor.hpp>
#include <executor/files/content.hpp>
#include <ir/error.hpp>

#include <utility>

namespace slipway {
namespace {

class StackTree final : public SourceTree {
 public:
  StackTree(StackView view, std::string name) : view_(std::move(view)), name_(std::move(name)) {}

  std::optional<Entry> find(std::string_view path) const override { return view_.find(path); }
  std::vector<std::string> list(std::string_view directory) const override {
    return view_.list(directory);
  }
  StackView::Resolved resolve(std::string_view path, bool follow_last) const override {
    return view_.resolve(path, follow_last);
  }
  Digest digest(const Entry& entry) const override {
    const std::optional<Entry> found = view_.find(entry.path);
    if (!found || found->type != Entry::Type::file)
      throw Error(quoted(entry.path) + " is no file in " + name_);
    return found->content;
  }
  Digest read(const Entry& file, FileReader& reader) const override {
    const std::optional<Entry> found = view_.find(file.path);
    if (!found || found->type != Entry::Type::file)
      throw Error(quoted(file.path) + " is no file in " + name_);
    const FileDescriptor open(view_.open(*found));
    const std::optional<Digest> digest = reader.read(open.get(), found->size, file.path);
    if (!digest || *digest != found->content)
      throw Error(quoted(file.path) + " of the " + name_ + " is not what its layer's index says")
          .hint("run slipway fsck");
    return *digest;
  }
  int open(const Entry& entry) const override { return view_.open(entry); }
  std::string name() const override { return name_; }

 private:
  StackView view_;
  std::string name_;
};

}  // namespace

std::vector<Entry> SourceTree::children(std::string_view directory) const {
  std::vector<Entry> entries;
  for (const std::string& name : list(directory)) {
    const std::string path = directory.empty() ? name : std::string(directory) + "/" + name;
    if (std::optional<Entry> entry = find(path)) entries.push_back(std::move(*entry));
  }
  return entries;
}

std::vector<Digest> SourceTree::digests(const std::vector<std::string_view>& files) const {
  std::vector<Digest> digests;
  digests.reserve(files.size());
  for (const std::string_view path : files) {
    Entry entry;
    entry.path = path;
    digests.push_back(digest(entry));
  }
  return digests;
}

std::string SourceTree::absence(std::string_view) const {
  return {};
}

std::unique_ptr<SourceTree> stack_tree(StackView view, std::string name) {
  return std::make_unique<StackTree>(std::move(view), std::move(name));
}

Error changed_since_planned(std::string_view path, const SourceTree& tree) {
  return Error(quoted(path) + " of the " + tree.name() + " changed while the build ran")
      .hint("build again");
}

}  // namespace slipway
