// A value as text that tells -0 from 0 and 1n from 1.
function show(value) {
  if (typeof value === 'bigint') return value + 'n';
  return Object.is(value, -0) ? '-0' : String(value);
}

// What a call returns or throws, as text: an error with its class, its code if it has one, and its message.
function attempt(f, ...values) {
  try {
    return show(f(...values));
  } catch (error) {
    const code = 'code' in error ? ` [${error.code}]` : '';
    return `${error.name}${code}: ${error.message}`;
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

// Calls a function so often. It is never optimised itself: code that Maglev makes of a loop calls slow twins.
function times(count, f, ...values) {
  let last;
  for (let i = 0; i < count; i++) last = f(...values);
  return last;
}
%NeverOptimizeFunction(times);

// How many of so many calls throw this.
function thrown(count, expected, f, ...values) {
  let thrown = 0;
  for (let i = 0; i < count; i++) if (attempt(f, ...values) === expected) thrown++;
  return thrown;
}
%NeverOptimizeFunction(thrown);

// The bytes of a text in UTF-8.
function utf8(text) {
  return Uint8Array.from(unescape(encodeURIComponent(text)), (c) => c.charCodeAt(0));
}
