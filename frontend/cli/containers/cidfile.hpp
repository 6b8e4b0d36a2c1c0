// --cidfile: a new file with a container's ID.
#pragma once

#include <cache/file_descriptor.hpp>

#include <string>

namespace slipway {

// Made before the container, so that two do not end up in one file; removed again where nothing was
// written.
class CidFile {
 public:
  // Empty: none. Throws Error, also where the file is there.
  explicit CidFile(std::string path);
  ~CidFile();
  CidFile(const CidFile&) = delete;

  void write(const std::string& id);

 private:
  const std::string path_;
  FileDescriptor file_;
  bool written_ = false;
};

}  // namespace slipway
