// Whole builds as text: a Dockerfile, what it reads, and the tree and the config it must give.
//
//   == a file gets the destination's name
//   fact: testDockerfileDirs
//   context: foo
//   dockerfile:
//     FROM scratch
//     COPY foo /foo2
//   tree: foo2 =foo
//
// Fields, blocks indented by two blanks; trees are those of executor/files/copy_fixture.hpp:
//
//   fact         docker's behaviour: a test of BuildKit's, a section of reference.md, a number of
//                dockerfile-facts
//   context      the build context; "context NAME" a directory for --build-context NAME
//   archive F    the tree as a tar, put into the context as F; compressed as F's suffix says
//   ignore       .dockerignore, or with "ignore Dockerfile" Dockerfile.dockerignore, which lies
//                beside the Dockerfile and outside the context
//   image NAME   a Dockerfile that is built first and tagged
//   dockerfile   what is built
//   flags        further flags of `slipway build`, one a line, as "--build-arg=A=b"
//   tree         the result's whole file system
//   config       "KEY JSON" lines: keys of the image config's own config, null where it is absent
//   history      the image's whole history, created_by a line, "empty: " in front where no layer is
//   layers       how many
//   layer        the entries of the last layer and no others, whiteouts as the tar has them; their
//                times are not compared
//   output       the lines that RUNs printed, in order
//   error        instead of all that, a text that the message holds, and behind " / " its hint
//   chroot       why a container without namespaces (--isolation=chroot) gives something else, and
//                "chroot FIELD" each result that it gives instead of those above
//
// "FROM busybox" is the image of busybox.hpp.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

struct BuildCase {
  std::string area;  // the file's name
  std::string name;
  std::vector<std::pair<std::string, std::string>> fields;  // in order; lines end by '\n'

  // Empty if there is no such field.
  std::string get(std::string_view field) const;
  bool has(std::string_view field) const;
  // With the results of --isolation=chroot.
  BuildCase in_chroot() const;
  // `tree` or `layer` with everything written out.
  std::string expected_tree(std::string_view field = "tree") const;
};

// Throws std::logic_error naming the line that it cannot read, and for a case without a fact.
std::vector<BuildCase> read_build_cases(const std::filesystem::path& file);
// The cases of executor/files/copy_cases.txt as Dockerfiles: what lies below arrives as archives.
// Those that no Dockerfile can say are left out.
std::vector<BuildCase> read_copy_cases(const std::filesystem::path& file);
// All of both, for a program that runs in tests/executor/build_cases.
std::vector<BuildCase> all_build_cases();

// What a build takes: `directory` gets "context", "Dockerfile", "contexts/NAME" and
// "images/NAME.Dockerfile".
void write_case(const BuildCase& one, const std::filesystem::path& directory);
// The images to build first, in order.
std::vector<std::string> images_of(const BuildCase& one);
// The flags of the build, for a program that runs in `directory`.
std::vector<std::string> flags_of(const BuildCase& one);

enum class Times { compared, ignored };
// A tree on disk as the canonical text of expected_tree(). A time that is not the fixtures' usual
// one is written out, for directories only where `expected` has one in their line.
std::string print_directory(const std::filesystem::path& root, std::string_view expected,
                            Times times = Times::compared);

// What RUNs printed, from a progress of BuildKit's plain shape: "#7 0.412 text".
std::string printed_by_steps(const std::string& progress);

}  // namespace slipway
