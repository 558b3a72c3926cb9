//! Just enough of the protobuf wire format to read a small message: bounded,
//! without allocation, and with every length checked.
//!
//! A message is a sequence of fields: a tag (field number << 3 | wire type), then a
//! varint (type 0), 8 bytes (1), a length and that many bytes (2), or 4 bytes (5).

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtobufValue<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 2: text, bytes or a message.
    Bytes(&'a [u8]),
    /// Wire types 1 and 5; the content is not needed.
    Fixed,
}

/// The fields of a message in order; an error ends them.
#[derive(Debug, Clone)]
pub struct ProtobufFields<'a> {
    rest: &'a [u8],
}

/// The bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl<'a> ProtobufFields<'a> {
    /// Reads the fields of a message.
    pub fn new(message: &'a [u8]) -> ProtobufFields<'a> {
        ProtobufFields { rest: message }
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for place in 0..10u32 {
            let (&byte, rest) = self.rest.split_first().ok_or(Malformed)?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if place == 9 && bits > 1 {
                return Err(Malformed);
            }
            value |= bits << (7 * place);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    fn bytes(&mut self, count: u64) -> Result<&'a [u8], Malformed> {
        let count = usize::try_from(count).map_err(|_| Malformed)?;
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn field(&mut self) -> Result<(u64, ProtobufValue<'a>), Malformed> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => ProtobufValue::Varint(self.varint()?),
            1 => self.bytes(8).map(|_| ProtobufValue::Fixed)?,
            2 => {
                let length = self.varint()?;
                ProtobufValue::Bytes(self.bytes(length)?)
            }
            5 => self.bytes(4).map(|_| ProtobufValue::Fixed)?,
            // Groups (3 and 4) are obsolete.
            _ => return Err(Malformed),
        };
        match tag >> 3 {
            0 => Err(Malformed),
            number => Ok((number, value)),
        }
    }
}

impl<'a> Iterator for ProtobufFields<'a> {
    type Item = Result<(u64, ProtobufValue<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &[u8]) -> Vec<Result<(u64, ProtobufValue<'_>), Malformed>> {
        ProtobufFields::new(message).collect()
    }

    #[test]
    fn every_wire_type_is_read() {
        let message = [
            0x08, 0x96, 0x01, // 1: varint 150
            0x11, 0, 0, 0, 0, 0, 0, 0, 0, // 2: fixed 64
            0x1a, 2, b'h', b'i', // 3: bytes
            0x25, 0, 0, 0, 0, // 4: fixed 32
        ];
        let fields = [
            Ok((1, ProtobufValue::Varint(150))),
            Ok((2, ProtobufValue::Fixed)),
            Ok((3, ProtobufValue::Bytes(b"hi"))),
            Ok((4, ProtobufValue::Fixed)),
        ];
        assert_eq!(read(&message), fields);
    }

    #[test]
    fn what_is_cut_short_or_overlong_is_malformed() {
        for message in [
            &[0x0a][..],
            &[0x0a, 5, b'x'],
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            &[0xff; 11],
            &[0x0b],
            &[0x02, 0],
            &[0x08],
        ] {
            assert_eq!(read(message), [Err(Malformed)], "{message:?}");
        }
    }
}
