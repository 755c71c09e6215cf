# The gem `ffi` of Ruby: scalars, strings, structures by value, callbacks, variadic calls, threads.

require "ffi"

def check(what)
  raise "wrong: #{what}" unless yield
end

class Point < FFI::Struct
  layout :x, :double, :y, :double
end

class Mixed < FFI::Struct
  layout :f, :float, :n, :long
end

class Large < FFI::Struct
  layout :numbers, [:int, 5], :d, :double
end

class Small < FFI::Struct
  layout :bytes, [:uchar, 3]
end

module Native
  extend FFI::Library
  ffi_lib ARGV[0], FFI::Library::LIBC
  callback :number, [:int, :pointer], :int
  callback :product, [:double, :float], :double
  callback :compare, [:pointer, :pointer], :int
  { next_i8: :char, next_u8: :uchar, next_i16: :short, next_u16: :ushort, next_i32: :int, next_u32: :uint,
    next_i64: :long, next_f32: :float, next_f64: :double }.each { |name, type| attach_function name, [type], type }
  attach_function :weighted, [:long, :int, :short, :char, :double, :float, :long, :long, :int, :double], :long
  attach_function :swapped, [Point.by_value], Point.by_value
  attach_function :next_mixed, [Mixed.by_value], Mixed.by_value
  attach_function :next_large, [Large.by_value, :int], Large.by_value
  attach_function :reversed, [Small.by_value], Small.by_value
  attach_function :last_register, [:long, :long, :long, :long, :long, Mixed.by_value], :double
  attach_function :formatted, [:string, :varargs], :string
  attach_function :sum_of, [:number, :int, :pointer], :long
  attach_function :sum_from_thread, [:number, :int, :pointer], :long, blocking: true
  attach_function :through, [:product, :double, :float], :double
  attach_function :strlen, [:string], :size_t
  attach_function :qsort, [:pointer, :size_t, :size_t, :compare], :void
end

{ next_i8: [127, -128], next_u8: [255, 0], next_i16: [-2, -1], next_u16: [65535, 0], next_i32: [2**31 - 1, -2**31],
  next_u32: [2**32 - 1, 0], next_i64: [2**40, 2**40 + 1], next_f32: [0.5, 1.5], next_f64: [2.5, 3.5] }
  .each { |name, (value, following)| check(name) { Native.public_send(name, value) == following } }

check("weighted") do
  Native.weighted(1, -2, 3, -4, 5.0, 6.0, -7, 8, 9, 10.0) == 1 - 4 + 9 - 16 + 25 + 36 - 49 + 64 + 81 + 100
end

point = Point.new
point[:x], point[:y] = 1.5, -2.5
check("swapped") { Native.swapped(point).then { |p| [p[:x], p[:y]] } == [-2.5, 1.5] }
mixed = Mixed.new
mixed[:f], mixed[:n] = 0.25, 100
check("next_mixed") { Native.next_mixed(mixed).then { |m| [m[:f], m[:n]] } == [1.25, 101] }
check("last_register") { Native.last_register(1, 2, 3, 4, 5, mixed) == 115.25 }
large = Large.new
5.times { |i| large[:numbers][i] = i }
large[:d] = 6.5
check("next_large") { Native.next_large(large, 10).then { |l| [l[:numbers].to_a, l[:d]] } == [[10, 11, 12, 13, 14], 16.5] }
small = Small.new
3.times { |i| small[:bytes][i] = i }
check("reversed") { Native.reversed(small)[:bytes].to_a == [2, 1, 0] }

check("formatted") { Native.formatted("%d %s %.2f", :int, 42, :string, "text", :double, 1.5) == "42 text 1.50" }
check("strlen") { Native.strlen("sixteen letters!") == 16 }

twice = proc { |index, data| index * 2 + data.address }
check("sum_of") { Native.sum_of(twice, 100, FFI::Pointer.new(7)) == 9900 + 700 }
check("sum_from_thread") { Native.sum_from_thread(twice, 100, FFI::Pointer.new(7)) == 9900 + 700 }
check("through") { Native.through(proc { |a, b| a * b }, 3.0, 0.5) == 1.5 }

numbers = [5, -3, 9, 0, 2, 2, -8]
memory = FFI::MemoryPointer.new(:int, 7).write_array_of_int(numbers)
Native.qsort(memory, 7, 4, proc { |a, b| a.read_int - b.read_int })
check("qsort") { memory.read_array_of_int(7) == numbers.sort }

threads = (1..4).map { |number| Thread.new { (0...200).all? { |i| Native.next_i32(i * number) == i * number + 1 } } }
check("threads") { threads.all?(&:value) }
