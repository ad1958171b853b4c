// Gives every process that node starts with this module the fake GPU, before it can load tfjs-node: for programs that are run whole.
// Holds nothing else.

import { loadFakeGpu } from './index.js';

loadFakeGpu();
