# Fiddle of Ruby: scalars, strings, callbacks, variadic calls, threads. It knows no structures by value.

require "fiddle"

NATIVE = Fiddle.dlopen(ARGV[0])
LIBC = Fiddle.dlopen(nil)
include Fiddle

def check(what)
  raise "wrong: #{what}" unless yield
end

def bind(name, parameters, result, library = NATIVE)
  Function.new(library[name], parameters, result)
end

[["next_i8", TYPE_CHAR, 127, -128], ["next_u8", -TYPE_CHAR, 255, 0], ["next_i16", TYPE_SHORT, -2, -1],
 ["next_u16", -TYPE_SHORT, 65535, 0], ["next_i32", TYPE_INT, 2**31 - 1, -2**31], ["next_u32", -TYPE_INT, 2**32 - 1, 0],
 ["next_i64", TYPE_LONG, 2**40, 2**40 + 1], ["next_f32", TYPE_FLOAT, 0.5, 1.5], ["next_f64", TYPE_DOUBLE, 2.5, 3.5]]
  .each { |name, type, value, following| check(name) { bind(name, [type], type).call(value) == following } }

types = [TYPE_LONG, TYPE_INT, TYPE_SHORT, TYPE_CHAR, TYPE_DOUBLE, TYPE_FLOAT, TYPE_LONG, TYPE_LONG, TYPE_INT, TYPE_DOUBLE]
check("weighted") do
  bind("weighted", types, TYPE_LONG).call(1, -2, 3, -4, 5.0, 6.0, -7, 8, 9, 10.0) == 1 - 4 + 9 - 16 + 25 + 36 - 49 + 64 + 81 + 100
end

formatted = Function.new(NATIVE["formatted"], [TYPE_VOIDP, TYPE_VARIADIC], TYPE_VOIDP)
check("formatted") { formatted.call("%d %s %.2f", TYPE_INT, 42, TYPE_VOIDP, "text", TYPE_DOUBLE, 1.5).to_s == "42 text 1.50" }
check("strlen") { bind("strlen", [TYPE_VOIDP], TYPE_SIZE_T, LIBC).call("sixteen letters!") == 16 }

class Twice < Closure
  def call(index, data)
    index * 2 + data.to_i
  end
end
twice = Twice.new(TYPE_INT, [TYPE_INT, TYPE_VOIDP])
check("sum_of") { bind("sum_of", [TYPE_VOIDP, TYPE_INT, TYPE_VOIDP], TYPE_LONG).call(twice, 100, 7) == 9900 + 700 }

product = Closure::BlockCaller.new(TYPE_DOUBLE, [TYPE_DOUBLE, TYPE_FLOAT]) { |a, b| a * b }
check("through") { bind("through", [TYPE_VOIDP, TYPE_DOUBLE, TYPE_FLOAT], TYPE_DOUBLE).call(product, 3.0, 0.5) == 1.5 }

numbers = [5, -3, 9, 0, 2, 2, -8]
memory = numbers.pack("i*")
compare = Closure::BlockCaller.new(TYPE_INT, [TYPE_VOIDP, TYPE_VOIDP]) { |a, b| a[0, 4].unpack1("i") - b[0, 4].unpack1("i") }
bind("qsort", [TYPE_VOIDP, TYPE_SIZE_T, TYPE_SIZE_T, TYPE_VOIDP], TYPE_VOID, LIBC).call(memory, 7, 4, compare)
check("qsort") { memory.unpack("i*") == numbers.sort }

following = bind("next_i32", [TYPE_INT], TYPE_INT)
threads = (1..4).map { |number| Thread.new { (0...200).all? { |i| following.call(i * number) == i * number + 1 } } }
check("threads") { threads.all?(&:value) }
