#include "http_context.hpp"

#include "context_text.hpp"
#include "fetched_context.hpp"

#include <cache/layers/beneath.hpp>
#include <cache/layers/decompress.hpp>
#include <cache/layers/extract.hpp>
#include <cache/store.hpp>
#include <executor/sources/source_lock.hpp>
#include <ir/error.hpp>
#include <ir/graph.hpp>
#include <ir/remote_source.hpp>

#include <utility>

namespace slipway {
namespace {

constexpr const char* file_name = "context";

Vertex vertex_of(Operation operation, std::vector<VertexId> inputs, std::string name) {
  Vertex vertex;
  vertex.operation = std::move(operation);
  vertex.inputs = std::move(inputs);
  vertex.name = std::move(name);
  return vertex;
}

DescriptorSource open(const SourceTree& tree, const Entry& file) {
  return DescriptorSource(FileDescriptor(tree.open(file)));
}

}  // namespace

bool is_http_context(const std::string& text) {
  return is_http_source(text) && !parse_git_source(text);
}

HttpContext fetch_http_context(const std::string& url, const std::string& place,
                               const std::string& what, const std::string& name,
                               const BuildRequest& request, const Session& session, Store& store,
                               const SourceLock* lock) {
  FetchedContext fetching(request, session, store, without_credentials(url));
  FetchHttp file_to_fetch{url, file_name, ""};
  if (lock != nullptr) file_to_fetch = lock->hold(std::move(file_to_fetch));
  Graph fetch;
  const VertexId root =
      fetch.add(vertex_of(std::move(file_to_fetch), {}, place + " load " + what));
  HttpContext context;
  context.tree = fetching.solve(fetch, root, name);
  context.sources = fetching.sources();
  const Entry file = context.tree->find(file_name).value();
  DescriptorSource head = open(*context.tree, file);
  context.archive = is_archive(head);
  if (!context.archive) return context;

  // Pinned, so that what is unpacked is what was looked at.
  Graph unpack;
  const VertexId nothing = unpack.add(vertex_of(Scratch{}, {}, "FROM scratch"));
  const VertexId pinned =
      unpack.add(vertex_of(FetchHttp{url, file_name, file.content.text()}, {}, ""));
  CopyFiles copy;
  CopyFiles::Selection archive;
  archive.input = 1;
  archive.path = file_name;
  archive.unpack = true;
  copy.sources.push_back(std::move(archive));
  copy.destination = "/";
  const VertexId tree =
      unpack.add(vertex_of(std::move(copy), {nothing, pinned}, place + " unpack " + what));
  context.tree = fetching.solve(unpack, tree, name);
  return context;
}

void read_http_context(BuildInputs& inputs, const BuildRequest& request, const Session& session,
                       Store& store) {
  const std::string& url = request.context;
  const std::string shown = quoted(without_credentials(url));
  HttpContext context =
      fetch_http_context(url, "[internal]", "remote build context",
                         "build context " + without_credentials(url), request, session, store);
  inputs.tree = std::move(context.tree);
  inputs.taken.add_context(std::move(context.sources), {});
  inputs.dockerfile = local_dockerfile(request);
  if (inputs.dockerfile) return;
  if (context.archive) {
    inputs.dockerfile = find_dockerfile(*inputs.tree, request.file);
  } else {
    DescriptorSource file = open(*inputs.tree, inputs.tree->find(file_name).value());
    std::string text = text_of(*open_decompressed(file), "the Dockerfile " + shown);
    require_dockerfile_text(text, shown);
    inputs.dockerfile =
        std::make_shared<SourceFile>(SourceFile{http_file_name(url), std::move(text)});
  }
}

}  // namespace slipway
