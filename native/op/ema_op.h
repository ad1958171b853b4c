// The operations that this addon adds to TensorFlow: definition and registration.
// What they compute is in ema_op_compute.cc; Node-API does not appear here.
#pragma once

#include <string>
#include <vector>

#include "status.h"

namespace ema {

struct OpNames {
  std::string create, update, read, write, stats;
};

struct Registration {
  OpNames ops;
  std::string tensorflow;
  std::string tensorflow_path;
  std::vector<std::string> devices;
  std::string gpu_reason;  // why there is no "GPU" among the devices
};

// Finds TensorFlow and registers the ops; the image stays loaded (addon.cc pins it before). The
// first success is kept and returned to every later caller, on any thread. Where TensorFlow was not
// found the next call tries again (it may have been loaded meanwhile); a failed registration is
// kept, because part of it cannot be taken back.
Status RegisterOps(Registration* registration);

}  // namespace ema
