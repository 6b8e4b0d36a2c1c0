// What `cp` writes: files beneath a directory of this machine or of a container.
#pragma once

#include <cache/file_descriptor.hpp>
#include <cache/layers/entry.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// How much was copied.
struct CopiedFiles {
  std::uint64_t bytes = 0;
  std::vector<std::string> left_out;  // devices, which nobody is given by copying
};

// Puts files where others may be already: a file takes the place of one, a directory is merged with
// one and stays as it is, and a file and a directory do not take each other's place. What is made
// is made by its last name in an open directory, and never written into through a link. Not
// thread-safe.
class FilesWriter {
 public:
  struct Options {
    bool in_container = false;
    // With owners, all attributes and every bit of the mode. Otherwise all belongs to this
    // process's user, who is the container's root in there; and out of a container comes no
    // set-user-ID bit.
    bool archive = false;
  };
  // Opens the directory of this path ("" is the one that is written to) with O_PATH. Throws Error.
  using OpenDirectory = std::function<FileDescriptor(const std::string& path)>;
  // Writes a file's bytes.
  using Content = std::function<void(int file)>;

  FilesWriter(OpenDirectory open, Options options);

  // An entry whose directory is there. `content`: of a regular file. Throws Error.
  void add(const Entry& entry, const Content& content);
  // Makes the directories of this path that are not there, which are root's until an entry says
  // otherwise.
  void make_directories(std::string_view path);
  // Sets the directories' modes and times, which each new name had changed.
  CopiedFiles finish();

 private:
  int directory(std::string_view path);
  void make_directory(const Entry& entry);
  void make_file(const Entry& entry, const Content& content);
  void make_link(const Entry& entry);
  void make_other(const Entry& entry);
  void clear(int parent, const std::string& name, const std::string& path) const;
  void set_metadata(int file, const Entry& entry) const;
  std::uint32_t mode_of(const Entry& entry) const;

  const OpenDirectory open_;
  const Options options_;
  std::string open_path_;
  FileDescriptor open_directory_;
  std::map<std::string, Entry> directories_;  // those made here, by path
  CopiedFiles copied_;
};

}  // namespace slipway
