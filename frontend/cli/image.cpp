// slipway image: the commands about images under docker's other names for them.
#include "command.hpp"

#include <vector>

namespace slipway {

std::span<const Subcommand> image_commands() {
  static const std::vector<Subcommand> list{
      {"build", "build an image from a Dockerfile", declare_build},
      {"history", "show the steps an image was made of", declare_history},
      {"import", "make an image from a root file system's tar", declare_import},
      {"inspect", "show all that is known of images, as JSON", declare_image_inspect},
      {"load", "read images from an archive", declare_load},
      {"ls", "list the images in the store", declare_images},
      {"list", {}, declare_images},
      {"prune", "remove images that nobody can name, or nobody uses", declare_image_prune},
      {"pull", "get an image from a registry", declare_pull},
      {"push", "put an image into a registry", declare_push},
      {"rm", "remove names, and images without another", declare_rmi},
      {"remove", {}, declare_rmi},
      {"rmi", {}, declare_rmi},
      {"save", "write images into an archive", declare_save},
      {"tag", "give an image another name", declare_tag},
  };
  return list;
}

}  // namespace slipway
