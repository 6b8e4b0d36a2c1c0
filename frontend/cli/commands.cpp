#include "command.hpp"

#include <vector>

namespace slipway {

std::span<const Subcommand> commands() {
  static const std::vector<Subcommand> list{
      {"build", "build an image from a Dockerfile", declare_build},
      {"cache", "say what the cache knows, and why a step missed", declare_cache},
      {"checks", "list the build checks, or explain one", declare_checks},
      {"context", "list what goes into a build, and why", declare_context},
      {"fmt", "print Dockerfiles in one canonical form", declare_fmt},
      {"run", "make a container from an image and start it", declare_run},
      {"create", "make a container without starting it", declare_create},
      {"start", "start containers", declare_start},
      {"attach", "attach to a container that runs", declare_attach},
      {"exec", "run another program in a container that runs", declare_exec},
      {"stop", "stop containers", declare_stop},
      {"kill", "send a signal to containers", declare_kill},
      {"restart", "stop containers and start them again", declare_restart},
      {"pause", "let containers stand still", declare_pause},
      {"unpause", "let paused containers go on", declare_unpause},
      {"wait", "wait for containers to end", declare_wait},
      {"logs", "show what a container has printed", declare_logs},
      {"ps", "list containers", declare_ps},
      {"top", "list the processes of a container", declare_top},
      {"stats", "show what containers use of the machine", declare_stats},
      {"port", "show the ports that a container has published", declare_port},
      {"rename", "give a container another name", declare_rename},
      {"cp", "copy files between a container and this machine", declare_cp},
      {"commit", "make an image from a container's changes", declare_commit},
      {"rm", "remove containers", declare_rm},
      {"container", "what there is for containers, as docker groups it", nullptr, container_commands},
      {"container-hook", {}, declare_container_hook},
      {"volume", "what there is for volumes", nullptr, volume_commands},
      {"network", "what there is for networks", nullptr, network_commands},
      {"images", "list the images in the store", declare_images},
      {"image", "what there is for images, as docker groups it", nullptr, image_commands},
      {"inspect", "show all that is known of images and containers, as JSON", declare_inspect},
      {"history", "show the steps an image was made of", declare_history},
      {"diff", "compare the files of two images, or list what a container has changed", declare_diff},
      {"ls", "list the files of an image", declare_ls},
      {"cat", "print files of an image", declare_cat},
      {"sbom", "list the packages in an image", declare_sbom},
      {"attestations", "show what was attested of an image when it was built", declare_attestations},
      {"tag", "give an image another name", declare_tag},
      {"rmi", "remove names, and images without another", declare_rmi},
      {"pull", "get an image from a registry", declare_pull},
      {"push", "put an image into a registry", declare_push},
      {"search", "look for repositories in a registry", declare_search},
      {"login", "keep a user name and password for a registry", declare_login},
      {"logout", "forget them", declare_logout},
      {"load", "read images from an archive", declare_load},
      {"save", "write images into an archive", declare_save},
      {"import", "make an image from a root file system's tar", declare_import},
      {"export", "write the root file system of an image or container as a tar", declare_export},
      {"rebase", "put an image's own layers onto another base", declare_rebase},
      {"du", "say what takes how much room", declare_du},
      {"prune", "remove what the cache can do without", declare_prune},
      {"config", "set how much the cache may have", declare_config},
      {"doctor", "say what this machine can do for builds", declare_doctor},
      {"fsck", "verify the store, and remove what is damaged", declare_fsck},
  };
  return list;
}

}  // namespace slipway
