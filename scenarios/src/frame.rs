//! Frame sizes as they are written: a number of bytes, or the name of a mix.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Sizes of the frames in bytes at L2 with the 4-byte FCS, as RFC 2544 section 9 counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Frame {
    /// Every frame has this size.
    Fixed(u16),
    /// Simple IMIX: 7 x 64, 4 x 594, 1 x 1518 bytes. Where headers and stamp leave no room in 64 bytes
    /// (IPv6, TCP), the smallest frame that holds them takes its place.
    Imix,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Frame::Fixed(size) => write!(f, "{size}"),
            Frame::Imix => f.write_str("imix"),
        }
    }
}

impl FromStr for Frame {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "imix" => Ok(Frame::Imix),
            number => match number.parse() {
                Ok(size) if size >= 64 => Ok(Frame::Fixed(size)),
                _ => Err(format!("`{text}` is not a frame size: write 64 to 65535 (bytes with FCS) or imix")),
            },
        }
    }
}

impl Serialize for Frame {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Frame::Fixed(size) => serializer.serialize_u16(*size),
            Frame::Imix => serializer.serialize_str("imix"),
        }
    }
}

impl<'de> Deserialize<'de> for Frame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FrameVisitor;
        impl Visitor<'_> for FrameVisitor {
            type Value = Frame;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a frame size in bytes or \"imix\"")
            }
            fn visit_u64<E: de::Error>(self, size: u64) -> Result<Frame, E> {
                size.to_string().parse().map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, size: i64) -> Result<Frame, E> {
                size.to_string().parse().map_err(E::custom)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Frame, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(FrameVisitor)
    }
}

impl JsonSchema for Frame {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Frame".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Frame size in bytes with FCS, or the name of a mix.",
            "oneOf": [{ "type": "integer", "minimum": 64, "maximum": 65535 }, { "const": "imix" }]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_mixes_survive_json() {
        for frame in [Frame::Fixed(64), Frame::Fixed(9018), Frame::Imix] {
            let text = serde_json::to_string(&frame).unwrap();
            assert_eq!(serde_json::from_str::<Frame>(&text).unwrap(), frame);
        }
        for wrong in ["63", "-64", "70000", "\"jumbo\"", "true"] {
            assert!(serde_json::from_str::<Frame>(wrong).is_err(), "{wrong}");
        }
    }
}
