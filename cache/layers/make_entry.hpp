// The parts of an entry on disk that all who write trees make alike.
#pragma once

#include <cache/layers/entry.hpp>

namespace slipway {

// symlinkat(2) or mknodat(2), for an entry that is neither file nor directory; a node has mode 0600
// until it gets its own. Not 0: errno says why.
int make_node(int directory, const char* name, const Entry& entry);

// The same for a layer in the store. Where the kernel does not let this process make a device, an
// empty file stands for it: the layer's index says what it is, and a container of such a user could
// not open it anyway. What is copied or exported comes from the index.
int make_layer_node(int directory, const char* name, const Entry& entry);

// A whiteout in a layer's directory: char 0:0 or, on a file system that refuses it because it is an
// overlay itself, the empty file with a mark that overlayfs knows since Linux 6.7. Not 0: errno says
// why.
int make_whiteout(int directory, const char* name);
inline constexpr const char* whiteout_mark = "user.overlay.whiteout";

// Owner, mode and xattrs of an open file or directory, in this order, because a change of owner
// takes set-user-ID and capabilities away. Throws Error.
void set_metadata(int file, const Entry& entry);

}  // namespace slipway
