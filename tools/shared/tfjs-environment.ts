// Settings that TensorFlow reads once, when it is loaded: import this file before it.
// Overrides nothing that the user has set.

// Level 2 hides notes and warnings of TensorFlow's C++ side (processor features, log set-up), and keeps errors.
process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
