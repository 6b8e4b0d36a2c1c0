// slipway container: the commands about containers under docker's other names for them.
#include "../command.hpp"

#include <vector>

namespace slipway {

std::span<const Subcommand> container_commands() {
  static const std::vector<Subcommand> list{
      {"attach", "attach to a container that runs", declare_attach},
      {"commit", "make an image from a container's changes", declare_commit},
      {"cp", "copy files between a container and this machine", declare_cp},
      {"create", "make a container without starting it", declare_create},
      {"diff", "list the files that a container has changed", declare_diff},
      {"exec", "run another program in a container that runs", declare_exec},
      {"export", "write a container's root file system as a tar", declare_export},
      {"inspect", "show all that is known of containers, as JSON", declare_container_inspect},
      {"kill", "send a signal to containers", declare_kill},
      {"logs", "show what a container has printed", declare_logs},
      {"ls", "list containers", declare_ps},
      {"list", {}, declare_ps},
      {"ps", {}, declare_ps},
      {"pause", "let containers stand still", declare_pause},
      {"port", "show the ports that a container has published", declare_port},
      {"prune", "remove the containers that do not run", declare_container_prune},
      {"rename", "give a container another name", declare_rename},
      {"restart", "stop containers and start them again", declare_restart},
      {"rm", "remove containers", declare_rm},
      {"remove", {}, declare_rm},
      {"run", "make a container and start it", declare_run},
      {"start", "start containers", declare_start},
      {"stats", "show what containers use of the machine", declare_stats},
      {"stop", "stop containers", declare_stop},
      {"top", "list the processes of a container", declare_top},
      {"unpause", "let paused containers go on", declare_unpause},
      {"wait", "wait for containers to end", declare_wait},
  };
  return list;
}

}  // namespace slipway
