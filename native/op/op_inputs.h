// Reading and checking what TensorFlow hands to a kernel, before anything is written.
// TensorFlow itself checks the types of inputs and their number; shapes, sizes and overlaps are
// checked here.
#pragma once

#include <cstdint>
#include <vector>

#include "chunk.h"
#include "op/tf_api.h"
#include "status.h"

namespace ema {

// All inputs of one call. Valid while the context is: it holds the tensors, this class only knows
// where they are. (Keeping a TF_Tensor for each of 10,000 inputs until the end made a call of them
// a third slower: 30,000 small allocations, none of them warm.)
class OpInputs {
 public:
  // Looks at every input of the context.
  Status Load(TF_OpKernelContext* context);

  int count() const { return static_cast<int>(inputs_.size()); }
  int64_t size(int i) const { return inputs_[static_cast<size_t>(i)].size; }  // elements
  template <typename T>
  T* data(int i) const {
    return static_cast<T*>(inputs_[static_cast<size_t>(i)].data);
  }

 private:
  struct Input {
    void* data;
    int64_t size;
  };
  std::vector<Input> inputs_;
};

// One input of a context.
Status InputOf(TF_OpKernelContext* context, int index, TfTensor* tensor);

// The weights of a call, laid out as in a row of the arena.
struct WeightList {
  std::vector<Segment> segments;
  int64_t row_stride = 0;
};

// Inputs `first` to the last are weights.
WeightList WeightsFrom(const OpInputs& inputs, int first);

// An arena that fits a list of weights.
struct ArenaView {
  float* data = nullptr;
  int64_t rows = 0;
};

// Input 0 is the arena. Fails when it is not a whole number of rows for these weights, or overlaps
// one of them.
Status ArenaFrom(const OpInputs& inputs, const WeightList& weights, ArenaView* arena);

// Input `index` is a number below `rows`, in host memory; any where there are no rows.
Status RowFrom(const OpInputs& inputs, int index, int64_t rows, int64_t* row);

// Input `index` holds a coefficient for each of `rows` rows, as the bits of float64 numbers, in
// host memory; any where there are no rows. Fails when their number is another, one is not finite,
// or none is other than 0.
Status CoefficientsFrom(const OpInputs& inputs, int index, int64_t rows,
                        std::vector<double>* coefficients);

// Alphas: `averages` of them, or `averages` for each weight.
struct AlphaInput {
  int index;
  int averages;
  int weights;
};

// Input `index` holds alphas as the bits of float32 numbers, in host memory. Fails when the number
// fits neither or one is outside [0, 1].
Status AlphasFrom(const OpInputs& inputs, const AlphaInput& wanted, std::vector<float>* alphas);

}  // namespace ema
