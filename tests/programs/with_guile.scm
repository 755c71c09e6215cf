;; Foreign functions of Guile: scalars, strings, structures by value, callbacks, threads.

(use-modules (system foreign) (rnrs bytevectors) (ice-9 threads))

(define library (dynamic-link (cadr (command-line))))
(define program (dynamic-link))

(define (bind name result . parameters)
  (pointer->procedure result (dynamic-func name library) parameters))

(define (check what expected found)
  (unless (equal? expected found)
    (format (current-error-port) "wrong: ~a: ~s, not ~s~%" what found expected)
    (exit 1)))

(for-each
 (lambda (row)
   (apply (lambda (name type value following)
            (check name following ((bind name type type) value)))
          row))
 (list (list "next_i8" int8 127 -128)
       (list "next_u8" uint8 255 0)
       (list "next_i16" int16 -2 -1)
       (list "next_u16" uint16 65535 0)
       (list "next_i32" int32 2147483647 -2147483648)
       (list "next_u32" uint32 4294967295 0)
       (list "next_i64" int64 1099511627776 1099511627777)
       (list "next_f32" float 0.5 1.5)
       (list "next_f64" double 2.5 3.5)))

(check "weighted" 247
       ((bind "weighted" long long int short int8 double float long long int double)
        1 -2 3 -4 5.0 6.0 -7 8 9 10.0))

(define point (list double double))
(check "swapped" '(-2.5 1.5)
       (parse-c-struct ((bind "swapped" point point) (make-c-struct point '(1.5 -2.5))) point))
(define mixed (list float long))
(check "next_mixed" '(1.5 0)
       (parse-c-struct ((bind "next_mixed" mixed mixed) (make-c-struct mixed '(0.5 -1))) mixed))
(check "last_register" 115.25
       ((bind "last_register" double long long long long long mixed) 1 2 3 4 5 (make-c-struct mixed '(0.25 100))))

(check "formatted" "42 text 1.50"
       (pointer->string
        ((bind "formatted" '* '* int '* double)
         (string->pointer "%d %s %.2f") 42 (string->pointer "text") 1.5)))

(define twice
  (procedure->pointer int (lambda (index data) (+ (* index 2) (pointer-address data))) (list int '*)))
(check "sum_of" 10600 ((bind "sum_of" long '* int '*) twice 100 (make-pointer 7)))
(define product (procedure->pointer double (lambda (a b) (* a b)) (list double float)))
(check "through" 1.5 ((bind "through" double '* double float) product 3.0 0.5))

(define numbers (s32vector 5 -3 9 0 2 2 -8))
(define (number-at pointer) (bytevector-s32-native-ref (pointer->bytevector pointer 4) 0))
((pointer->procedure void (dynamic-func "qsort" program) (list '* size_t size_t '*))
 (bytevector->pointer numbers) 7 4
 (procedure->pointer int (lambda (a b) (- (number-at a) (number-at b))) (list '* '*)))
(check "qsort" (s32vector -8 -3 0 2 2 5 9) numbers)

(define following (bind "next_i32" int int))
(check "threads" '(#t #t #t #t)
       (par-map (lambda (number)
                  (let loop ((i 0))
                    (or (= i 200) (and (= (following (* i number)) (+ (* i number) 1)) (loop (+ i 1))))))
                '(1 2 3 4)))
