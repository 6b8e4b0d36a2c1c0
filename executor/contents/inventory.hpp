// What is in a root file system: the packages that the databases in it tell of.
#pragma once

#include <executor/contents/package.hpp>

#include <string>
#include <vector>

namespace slipway {

class StackView;

struct Inventory {
  Distribution distribution;
  std::vector<Package> packages;   // by purl; each once
  std::vector<std::string> notes;  // what could not be read, and is therefore not told of
};

// Looks at names, and opens only what tells of packages: the databases of dpkg, apk and rpm, files
// of npm, Python and cargo, and programs (ELF) for what the go and cargo tools left in them.
//
// All that is read was written by strangers: sizes and counts are bounded, no link leads out of the
// tree, and what is malformed costs a note and nothing else. The same files give the same result.
// Throws Error only where the layers' indexes cannot be read.
Inventory find_packages(const StackView& view);

}  // namespace slipway
