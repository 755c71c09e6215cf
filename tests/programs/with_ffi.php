<?php
// FFI of PHP: scalars, strings, structures by value, callbacks, variadic calls.

function check(string $what, bool $right): void {
    if (!$right) {
        fwrite(STDERR, "wrong: $what\n");
        exit(1);
    }
}

$text = implode("\n", array_filter(file($argv[2]), fn($line) => !str_starts_with($line, '#')));
$native = FFI::cdef($text, $argv[1]);
$libc = FFI::cdef('size_t strlen(const char *); void qsort(void *, size_t, size_t, int (*)(int *, int *));', 'libc.so.6');

foreach (['i8' => [127, -128], 'u8' => [255, 0], 'i16' => [-2, -1], 'u16' => [65535, 0], 'i32' => [2**31 - 1, -2**31],
          'u32' => [2**32 - 1, 0], 'i64' => [2**40, 2**40 + 1], 'f32' => [0.5, 1.5], 'f64' => [2.5, 3.5]]
         as $name => [$value, $following]) {
    check($name, $native->{"next_$name"}($value) === $following);
}
check('weighted', $native->weighted(1, -2, 3, -4, 5.0, 6.0, -7, 8, 9, 10.0) === 1 - 4 + 9 - 16 + 25 + 36 - 49 + 64 + 81 + 100);

$point = $native->new('struct point');
[$point->x, $point->y] = [1.5, -2.5];
$point = $native->swapped($point);
check('swapped', [$point->x, $point->y] === [-2.5, 1.5]);
$mixed = $native->new('struct mixed');
[$mixed->f, $mixed->n] = [0.25, 100];
check('last_register', $native->last_register(1, 2, 3, 4, 5, $mixed) === 115.25);
$mixed = $native->next_mixed($mixed);
check('next_mixed', [$mixed->f, $mixed->n] === [1.25, 101]);
$large = $native->new('struct large');
for ($i = 0; $i < 5; $i++) {
    $large->numbers[$i] = $i;
}
$large->d = 6.5;
$large = $native->next_large($large, 10);
check('next_large', $large->numbers[4] === 14 && $large->d === 16.5);

check('formatted', $native->formatted('%d %s %.2f', 42, 'text', 1.5) === '42 text 1.50');
check('strlen', $libc->strlen('sixteen letters!') === 16);

check('sum_of', $native->sum_of(fn($index, $data) => $index * 2, 100, null) === 9900);
check('through', $native->through(fn($a, $b) => $a * $b, 3.0, 0.5) === 1.5);

$numbers = FFI::new('int[7]');
foreach ([5, -3, 9, 0, 2, 2, -8] as $i => $number) {
    $numbers[$i] = $number;
}
$libc->qsort(FFI::addr($numbers), 7, 4, fn($a, $b) => $a[0] - $b[0]);
check('qsort', [$numbers[0], $numbers[1], $numbers[6]] === [-8, -3, 9]);
