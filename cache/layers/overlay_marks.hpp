// Where overlayfs's marks of opaque directories are in the layers of a store.
//
// Attributes trusted.* are written and read with CAP_SYS_ADMIN over the whole machine alone, and
// there an overlay looks nowhere else. Who has not that right, in a user namespace or in a
// container without it, has user.* (an overlay's option "userxattr"). A mark of the other kind is a
// name like any, and what it hides is there again: so a store has marks of one kind
// (StateDirectory::claim).
#pragma once

namespace slipway {

enum class OverlayMarks { trusted, user };

// Those of this process; asked once, after it has entered its user namespace.
OverlayMarks overlay_marks();

// The attribute of an opaque directory; its value is "y".
const char* opaque_mark();

}  // namespace slipway
