//! Entries of a registry that go by their names: compared, shown, read and written by them.

/// Makes a type with a field `name` and a function `all` one that goes by its name. An unknown one is `Error::$unknown`, whose field
/// `$which` holds what was asked for.
macro_rules! by_name {
    ($entry:ty, $unknown:ident, $which:ident) => {
        impl PartialEq for $entry {
            fn eq(&self, other: &Self) -> bool {
                self.name == other.name
            }
        }

        impl std::fmt::Debug for $entry {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name)
            }
        }

        impl std::fmt::Display for $entry {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name)
            }
        }

        impl std::str::FromStr for $entry {
            type Err = crate::error::Error;

            fn from_str(text: &str) -> crate::error::Result<Self> {
                let known = Self::all();
                known.iter().find(|entry| entry.name == text).copied().ok_or_else(|| crate::error::Error::$unknown {
                    $which: text.to_owned(),
                    known: known.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", "),
                })
            }
        }

        impl serde::Serialize for $entry {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name)
            }
        }

        impl<'de> serde::Deserialize<'de> for $entry {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(super) use by_name;
