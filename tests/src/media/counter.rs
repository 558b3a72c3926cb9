//! The frame counter's code: 24 cells, black or white, in a strip along the top of the picture.
//!
//! Cell 0 is white and cell 1 black, as a measure for the others; then 16 bits of the number, most
//! significant first, and 6 bits of checksum. A picture blended from two frames, or cut from
//! another video, does not pass for a number.

/// Cells side by side over the full width of the picture.
pub(super) const CELLS: usize = 24;
/// The strip is a ninth of the picture's height.
pub(super) const STRIP: usize = 9;

const NUMBER_BITS: usize = 16;
const CHECK_BITS: usize = CELLS - 2 - NUMBER_BITS;

/// The cells of frame `number`: true is white.
pub(super) fn encode(number: u16) -> [bool; CELLS] {
    let mut cells = [false; CELLS];
    cells[0] = true;
    let code = (u32::from(number) << CHECK_BITS) | checksum(number);
    for (place, cell) in cells.iter_mut().skip(2).enumerate() {
        *cell = code >> (CELLS - 3 - place) & 1 == 1;
    }
    cells
}

/// The number that brightnesses of the cells stand for.
///
/// # Errors
/// A sentence when there is no contrast, a cell is neither black nor white, or the checksum fails.
pub(super) fn decode(brightness: [f32; CELLS]) -> Result<u32, String> {
    let [white, black, ..] = brightness;
    let contrast = white - black;
    if contrast < 60.0 {
        return Err(format!("no counter: white is {white:.0}, black is {black:.0}"));
    }
    let mut code = 0_u32;
    for (place, value) in brightness.iter().enumerate().skip(2) {
        let level = (value - black) / contrast;
        if (0.35..0.65).contains(&level) {
            return Err(format!("cell {place} is grey ({level:.2})"));
        }
        code = code << 1 | u32::from(level >= 0.5);
    }
    let number = u16::try_from(code >> CHECK_BITS).map_err(|error| error.to_string())?;
    if checksum(number) != code & ((1 << CHECK_BITS) - 1) {
        return Err(format!("the checksum of {number} is wrong"));
    }
    Ok(u32::from(number))
}

fn checksum(number: u16) -> u32 {
    (u32::from(number) + 1).wrapping_mul(0x9e37_79b1) >> (32 - CHECK_BITS)
}

#[cfg(test)]
mod tests {
    use super::{CELLS, decode, encode};

    #[test]
    fn every_number_comes_back_and_a_flipped_bit_does_not() {
        for number in (0..=u16::MAX).step_by(7) {
            let cells = encode(number).map(|white| if white { 200.0 } else { 30.0 });
            assert_eq!(decode(cells), Ok(u32::from(number)));
        }
        let mut undetected = 0;
        for bit in 2..CELLS {
            let mut cells = encode(1234).map(|white| if white { 200.0 } else { 30.0 });
            cells[bit] = 230.0 - cells[bit];
            undetected += usize::from(decode(cells).is_ok());
        }
        assert_eq!(undetected, 0);
    }
}
