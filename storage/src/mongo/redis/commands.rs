//! The commands that the preflight tries and requests use.

use ::redis::Cmd;

/// One step, so that no counter stays without an end.
const INCREMENT: &str = "\
local count = redis.call('INCR', KEYS[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count";

pub(super) fn increment(key: &str, lasts_ms: u64) -> Cmd {
    let mut command = ::redis::cmd("EVAL");
    command.arg(INCREMENT).arg(1).arg(key).arg(lasts_ms);
    command
}

/// Writes when the value is still what was seen.
const REPLACE: &str = "\
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1";

pub(super) fn replace(key: &str, seen: &[u8], value: &[u8], lasts_ms: u64) -> Cmd {
    let mut command = ::redis::cmd("EVAL");
    command.arg(REPLACE).arg(1).arg(key).arg(seen).arg(value).arg(lasts_ms);
    command
}

pub(super) fn publish(channel: &str, message: &str) -> Cmd {
    let mut command = ::redis::cmd("PUBLISH");
    command.arg(channel).arg(message);
    command
}
