#include <cache/layers/overlay_marks.hpp>

#include <cache/user_namespace.hpp>

#include <linux/capability.h>

namespace slipway {

OverlayMarks overlay_marks() {
  static const OverlayMarks marks = in_user_namespace() || !has_capability(CAP_SYS_ADMIN)
                                        ? OverlayMarks::user
                                        : OverlayMarks::trusted;
  return marks;
}

const char* opaque_mark() {
  return overlay_marks() == OverlayMarks::user ? "user.overlay.opaque" : "trusted.overlay.opaque";
}

}  // namespace slipway
