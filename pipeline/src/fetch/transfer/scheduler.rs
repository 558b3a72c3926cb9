//! Which connection gets which bytes. Pure: the time is told.
//!
//! What is needed is cut into as many equal shares as there are connections, and
//! at the ends of files. The first piece goes first, because the beginning may
//! be of use before the rest is there, then the longest ones. Where nobody knows
//! yet how long a file is, its first answer tells, and is its first piece. A
//! connection that is ready takes the next piece or, when none is left, so much
//! from the end of the slowest other one that all are ready at the same time.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use crate::fetch::transfer::completion_time::{Load, together};
use crate::fetch::transfer::throughput::Pace;

/// The longest piece, bytes: media servers throttle answers that are longer.
pub(crate) const LONGEST: u64 = 10 * 1024 * 1024;
/// For how much one more connection pays, bytes.
const GRAIN: u64 = 256 * 1024;
/// What must be saved at least by taking from another connection, whose answer
/// is then cut short.
const WORTH: Duration = Duration::from_millis(10);

/// Some bytes of one need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Which need.
    pub need: usize,
    /// The next byte, counted from the need's first one.
    pub at: u64,
    /// The first byte after it.
    pub end: u64,
    /// Failures in a row.
    pub failures: u32,
}

/// What a connection does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// It has a piece.
    Work,
    /// It is to open this need, of which the length is not known yet.
    Open(usize),
    /// Others are at all that is left; one of them may turn out slow.
    Wait,
    /// Everything is there.
    Done,
}

/// All pieces of some needs.
#[derive(Debug)]
pub(crate) struct Pieces {
    waiting: VecDeque<Piece>,
    /// Needs of which the length is not known yet.
    unopened: VecDeque<usize>,
    /// How long those are together that were opened, and how many.
    opened: (u64, u64),
    lanes: Vec<Lane>,
}

#[derive(Debug, Default)]
struct Lane {
    piece: Option<Piece>,
    /// The need that it opens.
    opening: Option<usize>,
    pace: Pace,
    /// Whether it is there at all.
    here: bool,
}

impl Lane {
    fn current(&self) -> Option<Piece> {
        self.piece.filter(|piece| piece.at < piece.end)
    }
}

/// How many connections pay for so many bytes, at most `most`.
pub(crate) fn worth(bytes: u64, most: usize) -> usize {
    usize::try_from(bytes.div_ceil(GRAIN)).unwrap_or(usize::MAX).clamp(1, most.max(1))
}

impl Pieces {
    /// Cuts needs of these lengths for so many connections.
    pub fn new(lengths: impl Iterator<Item = u64> + Clone, lanes: usize) -> Pieces {
        let all = lengths.clone().fold(0, u64::saturating_add);
        let lanes = lanes.max(1);
        // A share may become a little longer.
        let rounds = all.div_ceil((LONGEST - 2 * GRAIN).saturating_mul(lanes as u64)).max(1);
        let share = all.div_ceil(rounds.saturating_mul(lanes as u64)).max(1);
        let mut waiting = Vec::new();
        // Where the next share begins, counted from the need's first byte.
        let mut cut = share;
        for (need, length) in lengths.enumerate() {
            let mut at = 0;
            while at < length {
                // A cut close to an end would be a request of its own for little.
                while cut < at + GRAIN {
                    cut += share.max(GRAIN);
                }
                let end = if cut.saturating_add(GRAIN) > length { length } else { cut };
                waiting.push(Piece { need, at, end, failures: 0 });
                at = end;
            }
            cut = cut.saturating_sub(length);
        }
        if let Some((_, others)) = waiting.split_first_mut() {
            others.sort_by_key(|piece| Reverse(piece.end - piece.at));
        }
        let waiting = waiting.into();
        let lanes = std::iter::repeat_with(Lane::default).take(lanes).collect();
        Pieces { waiting, unopened: VecDeque::new(), opened: (0, 0), lanes }
    }

    /// Needs of which the length is not known yet: each is opened, after all
    /// that is known.
    pub fn open_later(&mut self, needs: Range<usize>) {
        self.unopened.extend(needs);
    }

    /// How many connections there are.
    pub fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// Gives a connection something to do. `latency` is how long a request
    /// takes until its first byte.
    pub fn next(&mut self, lane: usize, now: Instant, latency: Duration) -> Next {
        if self.is_done() {
            return Next::Done;
        }
        // What it gave up, and did not leave to the others, is not lost.
        self.put_back(lane);
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.here = true;
        }
        let unopened = if self.waiting.is_empty() { self.unopened.pop_front() } else { None };
        let piece = match unopened {
            Some(_) => None,
            None => self.waiting.pop_front().or_else(|| self.steal(lane, now, latency)),
        };
        let Some(own) = self.lanes.get_mut(lane) else { return Next::Done };
        own.opening = unopened;
        let next = match (unopened, piece) {
            (Some(need), _) => Next::Open(need),
            (None, Some(_)) => Next::Work,
            (None, None) => return Next::Wait,
        };
        own.piece = piece;
        own.pace.begin(now);
        next
    }

    /// The need that a connection opens is so long. Its first bytes are that
    /// connection's piece; more than one answer may hold is left to all.
    pub fn opened(&mut self, lane: usize, length: u64) {
        let Some(lane) = self.lanes.get_mut(lane) else { return };
        let Some(need) = lane.opening.take() else { return };
        self.opened = (self.opened.0.saturating_add(length), self.opened.1 + 1);
        let mut at = 0;
        while at < length {
            let end = length.min(at.saturating_add(LONGEST));
            let piece = Piece { need, at, end, failures: 0 };
            match at {
                0 => lane.piece = Some(piece),
                _ => self.waiting.push_back(piece),
            }
            at = end;
        }
    }

    /// What is left of a connection's piece; it becomes less when another one
    /// takes from it.
    pub fn current(&self, lane: usize) -> Option<Piece> {
        self.lanes.get(lane)?.current()
    }

    /// So many more bytes of a connection's piece are in their place.
    pub fn advance(&mut self, lane: usize, bytes: u64, now: Instant) {
        let Some(lane) = self.lanes.get_mut(lane) else { return };
        lane.pace.add(bytes, now);
        if let Some(piece) = &mut lane.piece {
            piece.at = piece.at.saturating_add(bytes);
            piece.failures = 0;
        }
    }

    /// Counts a failure and tells how many there were before it.
    pub fn failed(&mut self, lane: usize) -> u32 {
        match self.lanes.get_mut(lane).and_then(|lane| lane.piece.as_mut()) {
            Some(piece) => {
                piece.failures += 1;
                piece.failures - 1
            }
            None => 0,
        }
    }

    /// Leaves a connection's piece to the others.
    pub fn put_back(&mut self, lane: usize) {
        if let Some(piece) = self.current(lane) {
            self.waiting.push_front(piece);
        }
        if let Some(lane) = self.lanes.get_mut(lane) {
            (lane.piece, lane.here) = (None, false);
            if let Some(need) = lane.opening.take() {
                self.unopened.push_front(need);
            }
        }
    }

    /// Whether everything is there.
    pub fn is_done(&self) -> bool {
        self.waiting.is_empty()
            && self.unopened.is_empty()
            && self.lanes.iter().all(|lane| lane.opening.is_none() && lane.current().is_none())
    }

    /// The first byte that is not there, and of which need; none when all is.
    pub fn first_missing(&self) -> Option<(usize, u64)> {
        let current = (0..self.lanes.len()).filter_map(|lane| self.current(lane));
        let pieces = self.waiting.iter().copied().chain(current);
        let opening = self.lanes.iter().filter_map(|lane| lane.opening);
        let unopened = self.unopened.iter().copied().chain(opening).map(|need| (need, 0));
        pieces.map(|piece| (piece.need, piece.at)).chain(unopened).min()
    }

    /// Something from the end of the piece that would be ready last, if taking
    /// it pays: so much that all connections are ready together when those that
    /// have less help likewise.
    fn steal(&mut self, thief: usize, now: Instant, latency: Duration) -> Option<Piece> {
        let latency = latency.as_secs_f64();
        let measured = |lane: &Lane| match lane.current() {
            Some(_) => lane.pace.rate(now),
            None => lane.pace.last(),
        };
        // One that was not measured yet is as fast as the fastest one.
        let fastest = self.lanes.iter().filter_map(measured).reduce(f64::max)?;
        // What is being opened is as long as others were.
        let expected = self.opened.0.checked_div(self.opened.1).unwrap_or(0);
        let load = |lane: &Lane| {
            let left = lane.current().map_or(0, |piece| piece.end - piece.at);
            let bytes = if lane.opening.is_some() { expected } else { left } as f64;
            Load { bytes, rate: measured(lane).unwrap_or(fastest).max(1.0) }
        };
        let here = self.lanes.iter().filter(|lane| lane.here);
        let together = together(&here.map(load).collect::<Vec<_>>(), latency);
        let own = load(self.lanes.get(thief)?);
        let others = self.lanes.iter_mut().enumerate().filter(|(lane, _)| *lane != thief);
        // Nothing is taken before it is seen how fast it comes.
        let known = others.filter(|(_, lane)| lane.current().is_some() && measured(lane).is_some());
        let loads = known.map(|(_, lane)| (load(lane), lane));
        let (slowest, victim) =
            loads.max_by(|(a, _), (b, _)| a.seconds().total_cmp(&b.seconds()))?;
        if slowest.seconds() - together < WORTH.as_secs_f64().max(latency / 4.0) {
            return None;
        }
        // Nobody else may have to help.
        let even = (slowest.bytes + own.rate * latency) / (slowest.rate + own.rate);
        let most = own.rate * (together - latency);
        let taken = most.min(slowest.bytes - slowest.rate * together.min(even));
        let piece = victim.piece.as_mut()?;
        // A cast of a float saturates.
        let stolen = Piece {
            at: piece.end.saturating_sub(taken as u64).max(piece.at),
            failures: 0,
            ..*piece
        };
        piece.end = stolen.at;
        (stolen.at < stolen.end).then_some(stolen)
    }
}

#[cfg(test)]
mod tests;
