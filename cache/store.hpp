// The store: everything that outlives a solve, opened once a command.
#pragma once

#include <cache/images/store.hpp>
#include <cache/layers/store.hpp>
#include <cache/records.hpp>
#include <cache/state_directory.hpp>

#include <filesystem>
#include <memory>

namespace slipway {

class Database;
class BlobStore;
class FailedSteps;
class HttpAnswers;
class LayerBlobs;

class Store {
 public:
  // Opens or makes the store at `root`. Throws Error.
  explicit Store(const std::filesystem::path& root);
  ~Store();

  StateDirectory& state();
  LayerStore& layers();
  RecordStore& records();
  ImageStore& images();
  BlobStore& blobs();
  HttpAnswers& http_answers();
  LayerBlobs& layer_blobs();
  FailedSteps& failed_steps();

  // Makes all that was committed so far durable: one syncfs, before references point to it.
  void sync();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace slipway
