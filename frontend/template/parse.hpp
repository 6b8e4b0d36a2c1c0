// The text of a template to its tree.
#pragma once

#include <frontend/template/template.hpp>
#include <frontend/template/tree.hpp>

namespace slipway {

// Fills in all of the tree but its file, which has the text. Throws Error at the first mistake.
void parse_template(TemplateTree& tree, const TemplateOptions& options);

}  // namespace slipway
