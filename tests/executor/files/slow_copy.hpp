// What a COPY adds to a tree, worked out slowly: nodes in memory, one operation after the other, as
// docker's own copying does it on disk. Written apart from executor/files, to be compared with it.
#pragma once

#include "copy_fixture.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::slow {

struct Node {
  Entry::Type type = Entry::Type::directory;
  unsigned mode = 0755;
  unsigned uid = 0;
  unsigned gid = 0;
  unsigned major = 0;
  unsigned minor = 0;
  std::string content;  // of a file, or where a link leads
  std::map<std::string, std::string> xattrs;
  std::map<std::string, std::shared_ptr<Node>> children;
  bool copied = false;  // by the COPY, and so perhaps one of several names
};
using Tree = std::shared_ptr<Node>;

// Trees in the text form of the fixture; a later one lies above the earlier.
Tree tree_of(const std::vector<std::string>& texts);
// The same as docker sees it in a build context.
Tree context_of(const std::string& text);

// Thrown for what is an Error in the real thing.
struct Refused {
  std::string why;
};

// Applies the operation to `root`. `inputs` as of the operation.
void copy(const CopyFiles& operation, const std::vector<Tree>& inputs, const Tree& root);

// All of it in path order, without times; a file's names are entries like others.
std::vector<Entry> entries(const Node& root);
// Sets of names that the copy gave one file, each in path order; single names left out.
std::vector<std::vector<std::string>> link_groups(const Node& root);

}  // namespace slipway::slow
