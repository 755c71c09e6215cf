//! `long double` from and to `double`, which is as precise as a command line needs.

use springboard::ir::FloatFormat;

/// Both formats have this exponent for 1.
const BIAS: i32 = 16383;

/// `number` in the bits of `format`, which is one of 16 bytes.
pub(crate) fn widened(number: f64, format: FloatFormat) -> u128 {
    let sign = u128::from(number.is_sign_negative());
    let (exponent, fraction) = if number == 0.0 {
        (0, 0)
    } else if number.is_finite() {
        parts(number.abs())
    } else {
        (0x7fff, u64::from(number.is_nan()) << 63)
    };
    // The fraction begins at the top of 64 bits; the x87 format has the 1 in front of it too.
    let bits = match format {
        FloatFormat::X87 => {
            let one = u64::from(number != 0.0) << 63;
            u128::from(exponent) << 64 | u128::from(one | fraction >> 1)
        }
        _ => u128::from(exponent) << 112 | u128::from(fraction) << 48,
    };
    bits | sign << if format == FloatFormat::X87 { 79 } else { 127 }
}

/// Biased exponent, and the fraction after the 1, of a positive finite number.
fn parts(number: f64) -> (u16, u64) {
    let bits = number.to_bits();
    let (stored, fraction) = ((bits >> 52) as i32, bits << 12);
    if stored == 0 {
        let shift = fraction.leading_zeros() + 1;
        let fraction = fraction.checked_shl(shift).unwrap_or(0);
        return ((BIAS - 1022 - shift as i32) as u16, fraction);
    }
    ((stored - 1023 + BIAS) as u16, fraction)
}

/// The nearest `double`, or nearly so.
pub(crate) fn narrowed(bits: u128, format: FloatFormat) -> f64 {
    let (sign, exponent, significand, point) = match format {
        FloatFormat::X87 => (bits >> 79 & 1, (bits >> 64) as i32 & 0x7fff, bits & u128::from(u64::MAX), 63),
        _ => {
            let exponent = (bits >> 112) as i32 & 0x7fff;
            (bits >> 127, exponent, bits & ((1 << 112) - 1) | u128::from(exponent != 0) << 112, 112)
        }
    };
    let magnitude = if exponent == 0x7fff {
        if significand << (128 - point) == 0 { f64::INFINITY } else { f64::NAN }
    } else {
        // In two steps, so that neither leaves the range of `double` before the end.
        let power = exponent.max(1) - BIAS - point;
        significand as f64 * f64::powi(2.0, power / 2) * f64::powi(2.0, power - power / 2)
    };
    if sign == 1 { -magnitude } else { magnitude }
}
