// An image of what a container has become.
#pragma once

#include <cache/containers/store.hpp>
#include <cache/images/store.hpp>
#include <ir/image_config.hpp>

#include <string>

namespace slipway {

class Store;

// The settings that an image of the container gets: those it was created with. Without layers,
// history, author and time. ONBUILD of its image is done with, as after a build. Throws Error.
ImageConfig config_of(Store& store, const Container& container);

struct CommitRequest {
  ImageConfig config;  // its settings; layers, history, author and time are set here
  std::string author;
  std::string message;  // of the history
  std::string created;  // RFC 3339
  // The container stands still while its files are read. If it does not, a file that is being
  // written may be in the image half done.
  bool pause = true;
};

// Puts the image into the store: the layers of the container's image, and upon them one of what the
// container has changed, if it has changed anything. The container keeps its own. No record is
// made: a build never finds the layer. Throws Error, and leaves nothing behind.
Image commit_container(Store& store, const Container& container, const CommitRequest& request);

}  // namespace slipway
