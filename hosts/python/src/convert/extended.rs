//! `long double` as Python has it: a double. Bytes are copied where a value stays C data, so that nothing is lost there.

use springboard::ir::FloatFormat;

/// The exponent of 1.0 in both formats.
const BIAS: i32 = 16383;

/// Sign and exponent, and the upper 64 bits of the significand with its leading one.
struct Parts {
    negative: bool,
    exponent: i32,
    significand: u64,
}

fn format() -> FloatFormat {
    crate::engine().data_model().long_double
}

fn parts(bits: u128) -> Parts {
    let (head, significand) = match format() {
        FloatFormat::X87 => ((bits >> 64) as u16, bits as u64),
        // Sign and exponent are the upper 16 bits, and the leading one is not written.
        _ => {
            let head = (bits >> 112) as u16;
            let leading = u64::from(head & 0x7FFF != 0) << 63;
            (head, leading | ((bits >> 49) as u64 & (u64::MAX >> 1)))
        }
    };
    Parts { negative: head >> 15 == 1, exponent: i32::from(head & 0x7FFF), significand }
}

/// The value of the `long double` at `at`.
pub(crate) fn read(at: *const u8) -> f64 {
    if format() == FloatFormat::F64 {
        // SAFETY: the callers pass the address of an object of the type, which is a double here.
        return unsafe { at.cast::<f64>().read_unaligned() };
    }
    // SAFETY: the callers pass the address of an object of the type, which has 16 bytes.
    let Parts { negative, exponent, significand } = parts(unsafe { at.cast::<u128>().read_unaligned() });
    let magnitude = match exponent {
        0x7FFF if significand << 1 == 0 => f64::INFINITY,
        0x7FFF => f64::NAN,
        _ => scaled(significand as f64, exponent - BIAS - 63),
    };
    if negative { -magnitude } else { magnitude }
}

/// `value * 2^exponent`, in steps that neither overflow nor underflow before the result does.
fn scaled(mut value: f64, mut exponent: i32) -> f64 {
    while exponent > 1000 && value.is_finite() && value != 0.0 {
        value *= 2f64.powi(1000);
        exponent -= 1000;
    }
    while exponent < -1000 && value != 0.0 {
        value *= 2f64.powi(-1000);
        exponent += 1000;
    }
    value * 2f64.powi(exponent)
}

/// Writes a value to the `long double` at `at`.
pub(crate) fn write(value: f64, at: *mut u8) {
    if format() == FloatFormat::F64 {
        // SAFETY: the callers pass the address of a `long double` that they may write.
        return unsafe { at.cast::<f64>().write_unaligned(value) };
    }
    let bits = value.to_bits();
    let negative = u16::from(value.is_sign_negative()) << 15;
    let fraction = bits << 12 >> 1;
    let (exponent, significand) = match (bits >> 52 & 0x7FF) as i32 {
        0x7FF => (0x7FFF, 1 << 63 | fraction),
        0 if fraction == 0 => (0, 0),
        0 => {
            let shift = fraction.leading_zeros();
            (BIAS - 1022 - shift as i32, fraction << shift)
        }
        exponent => (exponent - 1023 + BIAS, 1 << 63 | fraction),
    };
    let head = u128::from(negative | exponent as u16);
    let bits = match format() {
        FloatFormat::X87 => head << 64 | u128::from(significand),
        _ => head << 112 | u128::from(significand << 1) << 48,
    };
    // SAFETY: the callers pass the address of a `long double` that they may write.
    unsafe { at.cast::<u128>().write_unaligned(bits) }
}

/// The value as C's `%LE` writes it.
pub(crate) fn text(at: *const u8) -> String {
    let value = read(at);
    if !value.is_finite() {
        return value.to_string().to_uppercase();
    }
    let text = format!("{value:.6E}");
    match text.split_once('E') {
        Some((digits, exponent)) => {
            let exponent: i32 = exponent.parse().unwrap_or(0);
            format!("{digits}E{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
        }
        None => text,
    }
}
