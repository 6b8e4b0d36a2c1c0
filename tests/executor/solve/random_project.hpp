// Dockerfiles and build contexts made by chance, and edits of them, as small as people's are.
//
// Few names, contents and values are used, so that edits meet: what is undone, what is the same
// again, what moves to where something else has been.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace slipway {

struct RandomProject {
  struct File {
    std::string content;  // of a symbolic link: its target
    std::uint32_t mode = 0644;
    bool link = false;
    bool operator==(const File&) const = default;
  };
  struct Stage {
    std::string name;
    std::string from;
    std::vector<std::string> lines;  // each an instruction
  };
  std::map<std::string, File> files;  // of the context, by path
  std::vector<std::string> ignored;   // lines of .dockerignore
  std::vector<Stage> stages;
  std::map<std::string, std::string> build_args;
  std::string target;

  std::string dockerfile() const;
};

class ProjectMaker {
 public:
  explicit ProjectMaker(std::uint32_t seed) : random_(seed) {}

  RandomProject make();
  // One edit; says which.
  std::string edit(RandomProject& project);

 private:
  std::size_t below(std::size_t n) { return random_() % n; }
  bool chance(std::size_t percent) { return below(100) < percent; }
  template <class List>
  const auto& one_of(const List& list) {
    return list[below(list.size())];
  }

  std::string path();
  std::string root_path();
  std::string some_file(const RandomProject& project);
  std::string command();
  std::string mounts(const RandomProject& project, std::size_t stage);
  std::string copy(const RandomProject& project, std::size_t stage);
  std::string instruction(const RandomProject& project, std::size_t stage);

  std::string edit_file(RandomProject& project);
  std::string edit_instruction(RandomProject& project);
  std::string edit_word(RandomProject& project);
  std::string edit_stages(RandomProject& project);
  std::string edit_options(RandomProject& project);

  std::mt19937 random_;
};

// Makes a folder hold the project's files, touching those only that are not so already.
void write_files(const RandomProject& was, const RandomProject& is,
                 const std::filesystem::path& folder);

}  // namespace slipway
