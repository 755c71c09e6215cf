//! Results that are structures, over columns.

use springboard::{Engine, Path};
use springboard_everyday::columns::{Column, Output};

use super::{C, S, all, engines, lengths, over};

/// A result's members, each in a column of its own: structures that come back in registers of either kind, and in memory.
#[test]
fn members_of_structures_go_to_columns() {
    for engine in engines() {
        let pair = over(&engine, "fails_pair", &[C, C, S]);
        let halves = over(&engine, "halves", &[C, C]);
        let parts = over(&engine, "parts", &[C]);
        let alone = over(&engine, "alone", &[C]);
        let moved = over(&engine, "moved", &[C, S, C, S, C]);
        let conjugate = over(&engine, "conjugate", &[C, C]);
        for rows in lengths() {
            let ints: Vec<i32> = (0..rows as i32).map(|x| x.wrapping_mul(0x9e37_79b9u32 as i32)).collect();
            let longs: Vec<i64> = ints.iter().map(|x| i64::from(*x) << 20).collect();
            let doubles: Vec<f64> = ints.iter().map(|x| f64::from(*x)).collect();
            let floats: Vec<f32> = ints.iter().map(|x| (*x % 1000) as f32).collect();

            let (mut a, mut b, mut errors) = (vec![0i64; rows], vec![0f64; rows], vec![-1; rows]);
            let columns = [Column::of(&longs), Column::of(&doubles), Column::scalar(&33)];
            // SAFETY: the tests' functions take any values of their types.
            unsafe {
                let outputs = [Output::of(&mut a), Output::of(&mut b)];
                pair.call_with_errors(&columns, &outputs, None, &mut errors).unwrap();
            }
            assert_eq!((&a, &b), (&longs, &doubles), "{rows} rows, {}", pair.path());
            assert_eq!(errors, vec![33; rows]);

            let (mut x, mut y) = (vec![0f32; rows], vec![0f32; rows]);
            all(
                &halves,
                &[Column::of(&floats), Column::of(&ints)],
                &[Output::of(&mut x), Output::of(&mut y)],
            );
            assert!(
                x.iter().zip(&floats).all(|(x, from)| *x == from / 2.0),
                "{rows} rows, {}",
                halves.path()
            );
            assert!(y.iter().zip(&ints).all(|(y, from)| *y == *from as f32 / 2.0));

            let (mut a, mut b, mut c) = (vec![0i16; rows], vec![0i8; rows], vec![false; rows]);
            let (mut d, mut e, mut f) = (vec![0i32; rows], vec![0i32; rows], vec![0u8; rows]);
            let outputs = [Output::of(&mut a), Output::of(&mut b), Output::of(&mut c)].into_iter();
            let outputs = outputs.chain([Output::of(&mut d), Output::of(&mut e), Output::of(&mut f)]);
            let small: Vec<i32> = ints.iter().map(|x| x >> 4).collect();
            all(&parts, &[Column::of(&small)], &outputs.collect::<Vec<_>>());
            for (row, x) in small.iter().enumerate() {
                let found = (a[row], b[row], c[row], d[row], e[row], f[row]);
                let wanted = (*x as i16, (x + 1) as i8, x & 1 == 1, x + 2, x + 3, (x + 4) as u8);
                assert_eq!(found, wanted, "row {row} of {rows}, {}", parts.path());
            }

            let mut only = vec![0f64; rows];
            all(&alone, &[Column::of(&doubles)], &[Output::of(&mut only)]);
            assert!(only.iter().zip(&doubles).all(|(only, x)| *only == x + 1.0), "{}", alone.path());

            // Rows whose bit is cleared stay, in each output.
            let names: Vec<*const u8> = (0..rows).map(|_| c"name".as_ptr().cast()).collect();
            let bits = vec![0b1101_0110u8; rows.div_ceil(8)];
            let (mut x, mut y, mut z) = (vec![-1f64; rows], vec![-1f64; rows], vec![-1f64; rows]);
            let mut found = vec![std::ptr::null::<u8>(); rows];
            let (two, half) = (Column::scalar(&2.0), Column::scalar(&0.5));
            let columns = [Column::of(&doubles), two, Column::of(&doubles), half, Column::of(&names)];
            let outputs =
                [Output::of(&mut x), Output::of(&mut y), Output::of(&mut z), Output::of(&mut found)];
            // SAFETY: the tests' functions take any values of their types.
            unsafe { moved.call(&columns, &outputs, Some(bits[..].into())) }.unwrap();
            for row in 0..rows {
                let wanted = match bits[row / 8] >> (row % 8) & 1 {
                    1 => (doubles[row] + 0.5, 2.5, doubles[row] + 0.5, names[row]),
                    _ => (-1.0, -1.0, -1.0, std::ptr::null()),
                };
                assert_eq!(
                    (x[row], y[row], z[row], found[row]),
                    wanted,
                    "row {row} of {rows}, {}",
                    moved.path()
                );
            }

            let (mut re, mut im) = (vec![0f64; rows], vec![0f64; rows]);
            let columns = [Column::of(&doubles), Column::of(&doubles)];
            all(&conjugate, &columns, &[Output::of(&mut re), Output::of(&mut im)]);
            assert_eq!(re, doubles, "{rows} rows, {}", conjugate.path());
            assert!(im.iter().zip(&doubles).all(|(im, x)| *im == -x));
        }
        let mut short = [0.0; 3];
        let (mut out, mut floats) = ([0i64; 4], [0f32; 4]);
        // SAFETY: nothing is called.
        let refused = |outputs: &[Output<'_>]| unsafe {
            let columns = [Column::of(&[1i64; 4]), Column::of(&[1.0; 4]), Column::scalar(&0)];
            pair.call(&columns, outputs, None).unwrap_err().to_string()
        };
        assert_eq!(refused(&[Output::of(&mut out)]), "the result takes 2 outputs and is given 1");
        let outputs = [Output::of(&mut out), Output::of(&mut short)];
        assert_eq!(refused(&outputs), "output 2 has 3 elements, and there are 4 rows");
        let outputs = [Output::of(&mut out), Output::of(&mut floats)];
        assert_eq!(refused(&outputs), "output 2: elements of type f32 are not f64");
    }
    // libffi has no packed structures.
    let packed = over(&Engine::new(), "close_together", &[C, C, C]);
    assert!(matches!(packed.path(), Path::Native));
    let (a, b, c) = ([1i8, -2, 3], [i64::MIN, 5, -6], [0.5f32, 1.5, -2.5]);
    let (mut x, mut y, mut z) = ([0i8; 3], [0i64; 3], [0f32; 3]);
    let columns = [Column::of(&a), Column::of(&b), Column::of(&c)];
    all(&packed, &columns, &[Output::of(&mut x), Output::of(&mut y), Output::of(&mut z)]);
    assert_eq!((x, y, z), (a, b, c));
}
