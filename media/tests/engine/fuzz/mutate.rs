//! Makes damaged bytes of good ones, the same ones each time.

/// Numbers that look like chance: SplitMix64, whose whole state is the seed.
pub struct Chance(u64);

/// Values that sizes, counts and offsets go wrong with.
const EXTREME: [u64; 12] = [
    0,
    1,
    7,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x0001_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_ffff_ffff,
];

impl Chance {
    /// Begins at a seed.
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `most`, which is not 0.
    pub fn below(&mut self, most: usize) -> usize {
        (self.next() % most as u64) as usize
    }

    /// A place in `bytes`, more often near the beginning, where headers are.
    fn place(&mut self, length: usize) -> usize {
        match self.below(3) {
            0 => self.below(length.min(256)),
            1 => self.below(length.min(4096)),
            _ => self.below(length),
        }
    }

    /// Bytes with one to eight faults.
    pub fn damage(&mut self, good: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        for _ in 0..=self.below(8) {
            if bytes.is_empty() {
                bytes.push(0);
            }
            self.fault(&mut bytes, other);
        }
        bytes
    }

    fn fault(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.place(bytes.len());
        match self.below(10) {
            0 | 1 => bytes[at] ^= 1 << self.below(8),
            2 => bytes[at] = [0, 0xff, 0x7f, 0x80][self.below(4)],
            3 => {
                let value = (EXTREME[self.below(EXTREME.len())] as u32).to_be_bytes();
                overwrite(bytes, at, &value);
            }
            4 => {
                let value = EXTREME[self.below(EXTREME.len())].to_be_bytes();
                overwrite(bytes, at, &value);
            }
            5 => {
                // A little more or less than there was.
                let change = self.below(9) as u8;
                bytes[at] = bytes[at].wrapping_add(change).wrapping_sub(4);
            }
            6 => bytes.truncate(at),
            7 => {
                let piece = self.piece(bytes);
                splice(bytes, at, &piece);
            }
            8 => {
                let piece = self.piece(other);
                match self.below(2) {
                    0 => overwrite(bytes, at, &piece),
                    _ => splice(bytes, at, &piece),
                }
            }
            _ => {
                let until = (at + self.below(64) + 1).min(bytes.len());
                bytes.drain(at..until);
            }
        }
    }

    /// Some of these bytes, at most 512.
    fn piece(&mut self, from: &[u8]) -> Vec<u8> {
        if from.is_empty() {
            return vec![0; 4];
        }
        let at = self.place(from.len());
        let length = self.below(512) + 1;
        from[at..(at + length).min(from.len())].to_vec()
    }
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    for (byte, new) in bytes.iter_mut().skip(at).zip(with) {
        *byte = *new;
    }
}

fn splice(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    // Files that only grow would make later rounds slow.
    if bytes.len() < 1 << 20 {
        bytes.splice(at..at, piece.iter().copied());
    }
}
