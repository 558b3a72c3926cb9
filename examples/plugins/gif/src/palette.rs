//! The best few colours for many pixels.

/// Bits of a channel that tell colours apart.
const BITS: u32 = 5;
const BINS: usize = 1 << (3 * BITS);

/// No colour has been looked up for this bin yet.
const UNKNOWN: u16 = u16::MAX;

/// Counts colours, chooses a palette, finds the nearest colour in it.
pub struct Quantizer {
    /// Pixels, and sums of their channels, by bin.
    counts: Vec<u32>,
    sums: Vec<[u32; 3]>,
    /// The bins that have pixels.
    used: Vec<u16>,
    /// Index of the nearest colour by bin.
    nearest: Vec<u16>,
    /// The colours of the palette, by their green.
    colors: Vec<[u8; 3]>,
}

/// Some of the used bins, which get one colour or are split.
struct Group {
    start: usize,
    end: usize,
    pixels: f64,
    mean: [f64; 3],
    /// Squared distances from the mean, summed over the pixels, by channel.
    errors: [f64; 3],
}

impl Group {
    fn error(&self) -> f64 {
        self.errors.iter().sum()
    }
}

impl Quantizer {
    pub fn new() -> Quantizer {
        Quantizer {
            counts: vec![0; BINS],
            sums: vec![[0; 3]; BINS],
            used: Vec::new(),
            nearest: vec![UNKNOWN; BINS],
            colors: Vec::new(),
        }
    }

    /// Forgets pixels and palette.
    pub fn clear(&mut self) {
        for bin in self.used.drain(..) {
            self.counts[usize::from(bin)] = 0;
            self.sums[usize::from(bin)] = [0; 3];
        }
        self.nearest.fill(UNKNOWN);
        self.colors.clear();
    }

    /// Counts a pixel. There may be up to 16 million.
    #[inline]
    pub fn count(&mut self, [r, g, b]: [u8; 3]) {
        let bin = bin_of([r, g, b]);
        if self.counts[bin] == 0 {
            self.used.push(bin as u16);
        }
        self.counts[bin] += 1;
        let sums = &mut self.sums[bin];
        sums[0] += u32::from(r);
        sums[1] += u32::from(g);
        sums[2] += u32::from(b);
    }

    /// Whether the palette has a colour for every bin with pixels.
    pub fn is_exact(&self) -> bool {
        self.colors.len() == self.used.len()
    }

    /// Chooses up to `most` colours for what was counted.
    pub fn choose(&mut self, most: usize) {
        let mut groups = vec![self.measure(0, self.used.len())];
        while groups.len() < most {
            let errors = groups.iter().enumerate().map(|(n, group)| (n, group.error()));
            let Some((worst, error)) = errors.max_by(|a, b| a.1.total_cmp(&b.1)) else { break };
            if error <= 0.0 {
                break;
            }
            let group = groups.swap_remove(worst);
            let middle = self.split(&group);
            groups.push(self.measure(group.start, middle));
            groups.push(self.measure(middle, group.end));
        }
        self.colors.extend(
            groups
                .iter()
                .filter(|group| group.pixels > 0.0)
                .map(|group| group.mean.map(|channel| (channel + 0.5).clamp(0.0, 255.0) as u8)),
        );
        self.colors.sort_unstable_by_key(|color| color[1]);
    }

    /// The chosen colours, in the order of the indices.
    pub fn colors(&self) -> &[[u8; 3]] {
        &self.colors
    }

    /// Index of the colour that is nearest to this one.
    #[inline]
    pub fn index(&mut self, color: [u8; 3]) -> u8 {
        let bin = bin_of(color);
        if self.nearest[bin] == UNKNOWN {
            self.nearest[bin] = self.find(self.color_of(bin));
        }
        self.nearest[bin] as u8
    }

    /// The mean of a bin's pixels; its middle where there are none.
    fn color_of(&self, bin: usize) -> [f64; 3] {
        match self.counts[bin] {
            0 => {
                let shift = |by: u32| ((bin >> by) & ((1 << BITS) - 1)) as f64 * 8.0 + 4.0;
                [shift(2 * BITS), shift(BITS), shift(0)]
            }
            count => self.sums[bin].map(|sum| f64::from(sum) / f64::from(count)),
        }
    }

    fn measure(&self, start: usize, end: usize) -> Group {
        let (mut pixels, mut sums, mut squares) = (0.0, [0.0; 3], [0.0; 3]);
        for bin in &self.used[start..end] {
            let bin = usize::from(*bin);
            let (count, color) = (f64::from(self.counts[bin]), self.color_of(bin));
            pixels += count;
            for channel in 0..3 {
                sums[channel] += count * color[channel];
                squares[channel] += count * color[channel] * color[channel];
            }
        }
        let mean = sums.map(|sum| if pixels > 0.0 { sum / pixels } else { 0.0 });
        let mut errors = [0.0; 3];
        // One bin is never split, whatever rounding says.
        if end - start > 1 {
            for channel in 0..3 {
                errors[channel] = (squares[channel] - mean[channel] * sums[channel]).max(0.0);
            }
        }
        Group { start, end, pixels, mean, errors }
    }

    /// Sorts the bins of a group into those below and above its mean, in the
    /// channel that differs most. Both have at least one.
    fn split(&mut self, group: &Group) -> usize {
        let errors = group.errors;
        let channel = if errors[1] >= errors[0] && errors[1] >= errors[2] {
            1
        } else if errors[0] >= errors[2] {
            0
        } else {
            2
        };
        let mut middle = group.start;
        for at in group.start..group.end {
            if self.color_of(usize::from(self.used[at]))[channel] < group.mean[channel] {
                self.used.swap(at, middle);
                middle += 1;
            }
        }
        middle.clamp(group.start + 1, group.end - 1)
    }

    /// Looks outwards from the colours with the same green; eyes see
    /// differences in it best.
    fn find(&self, color: [f64; 3]) -> u16 {
        let [r, g, b] = color.map(|channel| channel as i32);
        let start = self.colors.partition_point(|it| i32::from(it[1]) < g);
        let (mut below, mut above) = (start, start);
        let (mut best, mut index) = (i32::MAX, 0);
        loop {
            let mut went = false;
            if below > 0 {
                let green = g - i32::from(self.colors[below - 1][1]);
                if 4 * green * green < best {
                    below -= 1;
                    went = true;
                    let distance = distance([r, g, b], self.colors[below]);
                    if distance < best {
                        (best, index) = (distance, below);
                    }
                }
            }
            if above < self.colors.len() {
                let green = i32::from(self.colors[above][1]) - g;
                if 4 * green * green < best {
                    went = true;
                    let distance = distance([r, g, b], self.colors[above]);
                    if distance < best {
                        (best, index) = (distance, above);
                    }
                    above += 1;
                }
            }
            if !went {
                return index as u16;
            }
        }
    }
}

#[inline]
fn bin_of([r, g, b]: [u8; 3]) -> usize {
    let part = |channel: u8| usize::from(channel) >> (8 - BITS);
    part(r) << (2 * BITS) | part(g) << BITS | part(b)
}

fn distance([r, g, b]: [i32; 3], color: [u8; 3]) -> i32 {
    let [dr, dg, db] = [r - i32::from(color[0]), g - i32::from(color[1]), b - i32::from(color[2])];
    2 * dr * dr + 4 * dg * dg + db * db
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pixels: impl Iterator<Item = [u8; 3]>, most: usize) -> Quantizer {
        let mut quantizer = Quantizer::new();
        pixels.for_each(|pixel| quantizer.count(pixel));
        quantizer.choose(most);
        quantizer
    }

    #[test]
    fn few_colours_are_kept_as_they_are() {
        let colors = [[0, 0, 0], [255, 255, 255], [200, 30, 40], [201, 30, 120]];
        let mut it = of(colors.iter().copied().cycle().take(1000), 255);
        assert!(it.is_exact());
        for color in colors {
            let index = usize::from(it.index(color));
            assert_eq!(it.colors()[index], color);
        }
        it.clear();
        assert!(it.colors().is_empty() && it.is_exact());
    }

    #[test]
    fn many_colours_become_as_many_as_asked_for() {
        let all = (0..=255).flat_map(|r| (0..=255).step_by(5).map(move |g| [r, g, 255 - r]));
        let mut it = of(all.clone(), 255);
        assert_eq!(it.colors().len(), 255);
        assert!(!it.is_exact());
        let far = all
            .map(|color| {
                let index = usize::from(it.index(color));
                distance(color.map(i32::from), it.colors()[index])
            })
            .max();
        assert!(far.is_some_and(|far| far < 7 * 16 * 16), "{far:?}");
    }

    #[test]
    fn the_nearest_is_the_nearest() {
        let mut it = of((0..=255u8).map(|n| [n, n.wrapping_mul(7), n.wrapping_mul(31)]), 64);
        for n in 0..500u32 {
            let color = [n, n / 3, n.wrapping_mul(13)].map(|channel| channel as u8 | 4);
            let found = usize::from(it.index(color));
            let at = it.color_of(bin_of(color)).map(|channel| channel as i32);
            let best = it.colors().iter().map(|other| distance(at, *other)).min();
            assert_eq!(Some(distance(at, it.colors()[found])), best);
        }
    }

    #[test]
    fn nothing_has_no_colours() {
        assert!(of(std::iter::empty(), 255).colors().is_empty());
    }
}
