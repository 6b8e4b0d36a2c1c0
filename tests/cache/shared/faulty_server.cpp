#include "faulty_server.hpp"

#include <chrono>

using Request = HttpServer::Request;
using Reply = HttpServer::Reply;

FaultyServer::FaultyServer()
    : server_([this](const Request& request) { return answer(request); }) {}

FaultyServer::~FaultyServer() {
  ending_ = true;
}

void FaultyServer::fail(Fault fault, const std::string& part) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  part_ = part;
}

std::vector<std::string> FaultyServer::paths() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> paths;
  for (const auto& [path, bytes] : entries_) paths.push_back(path);
  return paths;
}

std::string FaultyServer::at(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(path);
  return found == entries_.end() ? "(none)" : found->second;
}

void FaultyServer::set(const std::string& path, const std::string& bytes) {
  const std::lock_guard lock(mutex_);
  entries_[path] = bytes;
}

Reply FaultyServer::answer(const Request& request) {
  const std::lock_guard lock(mutex_);
  const bool fails = fault_ != Fault::none &&
                     (request.method + " " + request.path).find(part_) != std::string::npos;
  Reply reply;
  if (request.method == "PUT") {
    if (!fails) entries_[request.path] = request.body;
    reply.status = 201;
  } else if (const auto found = entries_.find(request.path); found != entries_.end()) {
    reply.body = found->second;
  } else {
    reply.status = 404;
  }
  return fails ? faulty(std::move(reply), fault_) : reply;
}

Reply FaultyServer::faulty(Reply reply, Fault fault) {
  const auto wait = [this] {
    while (!ending_) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  };
  switch (fault) {
    case Fault::drop:
      reply.dropped = true;
      break;
    case Fault::error:
      reply = {.status = 500, .body = "no"};
      break;
    case Fault::denied:
      reply = {.status = 403, .body = "no"};
      break;
    case Fault::stall:
      reply.delay = wait;
      break;
    case Fault::stall_amid:
      reply.stream = [wait, half = reply.body.substr(0, reply.body.size() / 2)](const auto& send) {
        send(half);
        wait();
      };
      break;
    case Fault::truncated:
      reply.claimed_extra = (reply.body.size() + 1) / 2;
      reply.body.resize(reply.body.size() / 2);
      break;
    case Fault::shorter:
      if (!reply.body.empty()) reply.body.pop_back();
      break;
    case Fault::longer:
      reply.body += '!';
      break;
    case Fault::wrong_bytes:
      for (char& byte : reply.body) byte = static_cast<char>(byte ^ 0x20);
      break;
    case Fault::none:
    case Fault::forgetful:
      break;
  }
  return reply;
}
