//! The root key: 256 bits from which every other key is derived. It is never stored by us outside
//! its file, never printed.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::ArtifactError;

/// The root key. No Display, no Serialize; Debug tells nothing.
#[derive(Clone)]
pub struct RootKey(Zeroizing<Vec<u8>>);

impl RootKey {
    /// Takes 64 hexadecimal digits, or any secret of 32 bytes or more; a line end behind it does not
    /// count.
    ///
    /// # Errors
    /// Shorter secrets are refused.
    pub fn new(secret: &[u8]) -> Result<Self, ArtifactError> {
        if let Some(bytes) = decode_hex(secret.trim_ascii()) {
            return Ok(Self(Zeroizing::new(bytes)));
        }
        let line = secret.strip_suffix(b"\n").unwrap_or(secret);
        if line.len() < 32 {
            return Err(ArtifactError::BadRootKey);
        }
        Ok(Self(Zeroizing::new(line.to_vec())))
    }

    /// Draws a new key; gives it with the 64 digits that [`RootKey::new`] takes.
    ///
    /// # Errors
    /// When the operating system has no random bytes.
    pub fn generate() -> Result<(Self, Zeroizing<String>), ArtifactError> {
        let mut bytes = Zeroizing::new(vec![0; 32]);
        getrandom::fill(&mut bytes).map_err(|_| ArtifactError::Random)?;
        let text = Zeroizing::new(encode_hex(&bytes));
        Ok((Self(bytes), text))
    }

    /// Derives a key for one purpose: HKDF-SHA-256 (RFC 5869) with the parts as info, each preceded
    /// by its length, so that no two lists of parts collide.
    #[must_use]
    pub fn derive(&self, purpose: &[&str]) -> Zeroizing<[u8; 32]> {
        let mut info = Vec::new();
        for part in purpose {
            info.extend((part.len() as u64).to_be_bytes());
            info.extend(part.as_bytes());
        }
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(Some(b"redistrict"), &self.0)
            .expand(&info, key.as_mut_slice())
            .expect("32 bytes are within HKDF's limit");
        key
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey")
    }
}

pub(crate) fn encode_hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

pub(crate) fn decode_hex(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() != 64 {
        return None;
    }
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    text.chunks(2)
        .map(|pair| Some(digit(&pair[0])? << 4 | digit(&pair[1])?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_that_concatenate_alike_give_different_keys() {
        let (key, text) = RootKey::generate().unwrap();
        assert_ne!(key.derive(&["ab", "c"]), key.derive(&["a", "bc"]));
        let again = RootKey::new(format!("{}\n", text.as_str()).as_bytes()).unwrap();
        assert_eq!(key.derive(&["x"]), again.derive(&["x"]));
    }

    #[test]
    fn short_secrets_are_refused() {
        assert!(RootKey::new(b"too short").is_err());
        assert!(
            RootKey::new(&[b'\t'; 32]).is_ok(),
            "a raw secret is taken as it is"
        );
        assert!(format!("{:?}", RootKey::new(&[7; 40]).unwrap()).len() < 10);
    }
}
