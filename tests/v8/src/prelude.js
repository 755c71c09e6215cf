// A value as text that tells -0 from 0 and 1n from 1.
function show(value) {
  if (typeof value === 'bigint') return value + 'n';
  return Object.is(value, -0) ? '-0' : String(value);
}

// What a call returns or throws, as text.
function attempt(f, ...values) {
  try {
    return show(f(...values));
  } catch (error) {
    return String(error);
  }
}

// A function that calls the global function `name` with its own arguments, as many as there are in `warm`. Each has a
// text of its own: V8 shares optimised code among functions of the same text.
let callers = 0;
function caller(name, warm) {
  const names = warm.map((_, index) => 'a' + index).join(', ');
  return new Function(names, `return ${name}(${names}); // ${callers++}`);
}

// The same, optimised: V8 has seen it called with `warm`.
function optimised(name, ...warm) {
  const f = caller(name, warm);
  %PrepareFunctionForOptimization(f);
  attempt(f, ...warm);
  attempt(f, ...warm);
  %OptimizeFunctionOnNextCall(f);
  attempt(f, ...warm);
  return f;
}
