//! [`ModelKind`]: the names of the forms of model.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::forms::with_forms;

/// Makes [`ModelKind`] from the registry of forms.
macro_rules! kinds {
    ($( $(#[$documentation:meta])* $form:ident = $name:literal $(| $alias:literal)*, $model:ident, $fit:ident; )+) => {
        /// The forms of model.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum ModelKind {
            $( $(#[$documentation])* #[serde(rename = $name $(, alias = $alias)*)] $form, )+
        }

        impl ModelKind {
            /// Every form.
            pub const ALL: &'static [Self] = &[$( Self::$form ),+];

            /// Name as written in files and on the command line.
            pub fn name(self) -> &'static str {
                match self { $( Self::$form => $name, )+ }
            }
        }

        impl FromStr for ModelKind {
            type Err = Error;

            /// By its name, or by one that it had in an earlier version.
            fn from_str(text: &str) -> Result<Self> {
                match text {
                    $( $name $(| $alias)* => Ok(Self::$form), )+
                    _ => Err(Error::UnknownModelKind {
                        kind: text.to_owned(),
                        known: Self::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", "),
                    }),
                }
            }
        }
    };
}

with_forms!(kinds);

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
