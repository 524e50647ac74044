// Streams, events and graphs as a graph of work: an item runs after those it names, and only once somebody waits for it
// or for one that names it. Where the order is open, what was asked for last runs first.
#include "stream.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "device.hpp"

using namespace emulated_gpu;

namespace {

using Clock = std::chrono::steady_clock;

struct Item {
  std::function<void()> work;
  std::vector<std::shared_ptr<Item>> after;
  bool done = false;
};
using ItemPtr = std::shared_ptr<Item>;

/// What is being captured.
struct Capture {
  std::vector<ItemPtr> items;
  std::vector<cudaStream_t> streams;  // the first is where it began
};

void run(const ItemPtr& last) {
  std::vector<ItemPtr> stack{last};
  while (!stack.empty()) {
    const ItemPtr item = stack.back();
    if (item->done) {
      stack.pop_back();
      continue;
    }
    bool waits = false;
    for (const ItemPtr& earlier : item->after) {
      if (earlier->done) continue;
      stack.push_back(earlier);
      waits = true;
    }
    if (waits) continue;
    stack.pop_back();
    if (item->work) item->work();
    item->done = true;
    item->work = nullptr;
    item->after.clear();
  }
}

}  // namespace

struct EmulatedStream {
  ItemPtr last;
  std::shared_ptr<Capture> capture;
};
struct EmulatedEvent {
  ItemPtr item;
  std::shared_ptr<Capture> capture;
  std::shared_ptr<Clock::time_point> time;
};
struct EmulatedGraph {
  struct Node {
    std::function<void()> work;
    std::vector<std::size_t> after;
  };
  std::vector<Node> nodes;  // each after those it names
  std::size_t last = 0;
};
struct EmulatedGraphExec : EmulatedGraph {};

namespace {

ItemPtr put(cudaStream_t stream, std::function<void()> work) {
  auto item = std::make_shared<Item>();
  item->work = std::move(work);
  if (stream->last && (stream->capture || !stream->last->done)) item->after.push_back(stream->last);
  stream->last = item;
  if (stream->capture) stream->capture->items.push_back(item);
  return item;
}

cudaError_t wait_for(cudaStream_t stream) {
  if (stream->capture) return returned(cudaErrorStreamCaptureUnsupported);
  if (stream->last) run(stream->last);
  return returned(cudaSuccess);
}

}  // namespace

namespace emulated_gpu {

bool is_capturing(cudaStream_t stream) { return stream->capture != nullptr; }
cudaError_t append(cudaStream_t stream, std::function<void()> work) {
  put(stream, std::move(work));
  return device_error();
}
cudaError_t enqueue(cudaStream_t stream, std::function<void()> work) {
  if (device_error() != cudaSuccess) return returned(device_error());
  return returned(append(stream, [work = std::move(work)] {
    count_operation();
    if (device_error() == cudaSuccess) work();
  }));
}

}  // namespace emulated_gpu

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  if (device_error() != cudaSuccess) return returned(device_error());
  *stream = new EmulatedStream;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const cudaError_t status = wait_for(stream);
  delete stream;
  return status;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) { return wait_for(stream); }
// To ask is not to wait: nothing becomes ready by it.
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  if (stream->capture) return returned(cudaErrorStreamCaptureUnsupported);
  if (device_error() == cudaSuccess && stream->last && !stream->last->done) return cudaErrorNotReady;
  return returned(cudaSuccess);
}

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, 0); }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new EmulatedEvent;
  return returned(cudaSuccess);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return returned(cudaSuccess);
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  event->time = std::make_shared<Clock::time_point>();
  event->item = put(stream, [time = event->time] { *time = Clock::now(); });
  event->capture = stream->capture;
  return returned(cudaSuccess);
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (event->capture != stream->capture) {
    // A stream outside joins the capture of the event; one inside cannot wait for the world outside.
    if (stream->capture) return returned(cudaErrorStreamCaptureUnsupported);
    if (stream->last) run(stream->last);
    stream->last = nullptr;
    stream->capture = event->capture;
    stream->capture->streams.push_back(stream);
  }
  if (event->item) put(stream, nullptr)->after.push_back(event->item);
  return returned(cudaSuccess);
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (event->capture) return returned(cudaErrorStreamCaptureUnsupported);
  if (event->item) run(event->item);
  return returned(cudaSuccess);
}
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t start, cudaEvent_t end) {
  *ms = std::chrono::duration<float, std::milli>(*end->time - *start->time).count();
  return returned(cudaSuccess);
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (stream->capture) return returned(cudaErrorStreamCaptureUnsupported);
  // What waits on the stream is not part of the graph, and comes before it.
  if (stream->last) run(stream->last);
  stream->last = nullptr;
  stream->capture = std::make_shared<Capture>();
  stream->capture->streams.push_back(stream);
  return returned(cudaSuccess);
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = nullptr;
  const std::shared_ptr<Capture> capture = stream->capture;
  if (!capture || capture->streams.front() != stream) return returned(cudaErrorStreamCaptureUnsupported);
  const ItemPtr last = stream->last;
  for (const cudaStream_t each : capture->streams) {
    each->last = nullptr;
    each->capture = nullptr;
  }
  auto made = std::make_unique<EmulatedGraph>();
  const auto place = [&](const ItemPtr& item) {
    return static_cast<std::size_t>(std::find(capture->items.begin(), capture->items.end(), item) -
                                    capture->items.begin());
  };
  for (const ItemPtr& item : capture->items) {
    made->nodes.push_back({item->work, {}});
    for (const ItemPtr& earlier : item->after) made->nodes.back().after.push_back(place(earlier));
  }
  if (!capture->items.empty()) made->last = place(last);
  // Everything must come before the end of the stream where it began.
  std::vector<bool> reached(made->nodes.size() + 1);
  reached[made->last] = true;
  for (std::size_t i = made->nodes.size(); i-- > 0;) {
    if (!reached[i]) return returned(cudaErrorStreamCaptureUnjoined);
    for (const std::size_t earlier : made->nodes[i].after) reached[earlier] = true;
  }
  *graph = made.release();
  return returned(cudaSuccess);
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  *executable = new EmulatedGraphExec{*graph};
  return returned(cudaSuccess);
}
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t*, std::size_t* count) {
  *count = graph->nodes.size();
  return returned(cudaSuccess);
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return returned(cudaSuccess);
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return returned(cudaSuccess);
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return enqueue(stream, [graph = static_cast<const EmulatedGraph&>(*executable)] {
    std::vector<ItemPtr> items;
    for (const auto& node : graph.nodes) {
      items.push_back(std::make_shared<Item>());
      items.back()->work = node.work;
      for (const std::size_t earlier : node.after) items.back()->after.push_back(items[earlier]);
    }
    if (!items.empty()) run(items[graph.last]);
  });
}
