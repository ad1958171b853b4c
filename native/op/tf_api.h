// TensorFlow's C kernel API as a typed table of functions found at run time in the library that
// tfjs-node has loaded. Declares only what the ops use, makes no decisions, needs no TensorFlow
// header: one binary serves TF 2.7 to 2.21.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "status.h"

// Opaque types and values of tensorflow/c/{tf_status,tf_tensor,tf_datatype,ops,kernels}.h; part of
// its stable C ABI.
extern "C" {
struct TF_Status;
struct TF_Tensor;
struct TF_OpDefinitionBuilder;
struct TF_KernelBuilder;
struct TF_OpKernelConstruction;
struct TF_OpKernelContext;
struct TF_ShapeInferenceContext;
}

namespace ema {

enum class TfCode : int { kOk = 0, kInvalidArgument = 3, kInternal = 13 };
enum class TfType : int { kFloat = 1 };

struct TfApi {
  const char* (*Version)();

  TF_Status* (*NewStatus)();
  void (*DeleteStatus)(TF_Status*);
  void (*SetStatus)(TF_Status*, TfCode, const char*);
  TfCode (*GetCode)(const TF_Status*);
  const char* (*Message)(const TF_Status*);

  void* (*TensorData)(const TF_Tensor*);
  int (*NumDims)(const TF_Tensor*);
  int64_t (*Dim)(const TF_Tensor*, int);
  void (*DeleteTensor)(TF_Tensor*);

  TF_OpDefinitionBuilder* (*NewOpDefinitionBuilder)(const char*);
  void (*OpDefinitionBuilderAddAttr)(TF_OpDefinitionBuilder*, const char*);
  void (*OpDefinitionBuilderAddInput)(TF_OpDefinitionBuilder*, const char*);
  void (*OpDefinitionBuilderAddOutput)(TF_OpDefinitionBuilder*, const char*);
  void (*OpDefinitionBuilderSetIsStateful)(TF_OpDefinitionBuilder*, bool);
  void (*OpDefinitionBuilderSetShapeInferenceFunction)(TF_OpDefinitionBuilder*,
                                                       void (*)(TF_ShapeInferenceContext*,
                                                                TF_Status*));
  void (*ShapeInferenceContextSetUnknownShape)(TF_ShapeInferenceContext*, TF_Status*);
  void (*RegisterOpDefinition)(TF_OpDefinitionBuilder*, TF_Status*);

  TF_KernelBuilder* (*NewKernelBuilder)(const char* op, const char* device,
                                        void* (*create)(TF_OpKernelConstruction*),
                                        void (*compute)(void*, TF_OpKernelContext*),
                                        void (*destroy)(void*));
  void (*KernelBuilder_HostMemory)(TF_KernelBuilder*, const char*);
  void (*RegisterKernelBuilder)(const char*, TF_KernelBuilder*, TF_Status*);

  void (*OpKernelConstruction_GetAttrInt32)(TF_OpKernelConstruction*, const char*, int32_t*,
                                            TF_Status*);
  void (*OpKernelConstruction_GetAttrBool)(TF_OpKernelConstruction*, const char*, unsigned char*,
                                           TF_Status*);
  void (*OpKernelConstruction_Failure)(TF_OpKernelConstruction*, TF_Status*);

  int (*NumInputs)(TF_OpKernelContext*);
  void (*GetInput)(TF_OpKernelContext*, int, TF_Tensor**, TF_Status*);
  TF_Tensor* (*AllocateOutput)(TF_OpKernelContext*, int index, TfType, const int64_t* dims,
                               int num_dims, size_t bytes, TF_Status*);
  void (*OpKernelContext_Failure)(TF_OpKernelContext*, TF_Status*);
};

// The table, once FindTensorFlow has succeeded.
const TfApi& Tf();

// Path of the library that the table was filled from.
const std::string& TensorFlowPath();

// A symbol of the loaded TensorFlow, or null; for what lies outside the C API.
void* TensorFlowSymbol(const char* name);

// Looks for a loaded TensorFlow and fills the table. Fails with the names of what is missing. Not
// thread-safe: RegisterOps calls it under its mutex, again after a failure.
Status FindTensorFlow();

struct TfStatusDeleter {
  void operator()(TF_Status* status) const { Tf().DeleteStatus(status); }
};
using TfStatus = std::unique_ptr<TF_Status, TfStatusDeleter>;
inline TfStatus NewTfStatus() { return TfStatus(Tf().NewStatus()); }

struct TfTensorDeleter {
  void operator()(TF_Tensor* tensor) const { Tf().DeleteTensor(tensor); }
};
using TfTensor = std::unique_ptr<TF_Tensor, TfTensorDeleter>;

// A TensorFlow status as ours.
Status FromTf(const TF_Status* status);

}  // namespace ema
