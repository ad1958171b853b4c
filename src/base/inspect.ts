// What `console.log` shows of an object: without it, all that the object holds, which for ours is a model and tfjs.
// Prints nothing.

/** Name of the method that Node asks for a line; other runtimes ignore it. */
export const inspect: unique symbol = Symbol.for('nodejs.util.inspect.custom');
